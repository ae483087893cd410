const cluster = require("node:cluster");

// Frameworks read it when they are loaded, so this file is required before them.
process.env.NODE_ENV = "production";

module.exports = function inWorkers(serve) {
  if (cluster.isWorker) {
    serve(Number(process.env.PORT));
    return;
  }
  for (let count = Number(process.env.WORKERS ?? 2); count > 0; count--) cluster.fork();

  let stopping = false;
  process.on("SIGTERM", () => {
    stopping = true;
    for (const worker of Object.values(cluster.workers)) worker.process.kill();
  });
  // A peer that lost a worker would be measured at half its strength: end, and the others end with this process.
  cluster.on("exit", () => stopping || process.exit(1));
};
