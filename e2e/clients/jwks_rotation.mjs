// A remote key set of jose during key rotation: reads tokens line by line, and prints whether each one verifies.
import { createInterface } from "node:readline";
import * as jose from "jose";

const { ORIGIN } = process.env;
const keys = jose.createRemoteJWKSet(new URL(`${ORIGIN}/.well-known/jwks.json`), { cooldownDuration: 0 });

for await (const token of createInterface({ input: process.stdin })) {
  const verified = jose.jwtVerify(token, keys, { issuer: ORIGIN, audience: ORIGIN, typ: "at+jwt" });
  console.log(await verified.then(({ protectedHeader }) => protectedHeader.kid, (error) => error.code));
}
