import { dirname } from "node:path";

// The packages are in the directory above this one.
export default { turbopack: { root: dirname(import.meta.dirname) } };
