// npm's argon2, which is the C library on the threads of Node: THREADS hashes at once for SECONDS.
const [threads, seconds] = process.argv.slice(2).map(Number);
// Read when the first of them starts.
process.env.UV_THREADPOOL_SIZE = String(threads);
const { hash, argon2id } = require("argon2");

// As auth-service has them by default.
const options = {
  type: argon2id,
  memoryCost: 19456,
  timeCost: 2,
  parallelism: 1,
  hashLength: 32,
  salt: Buffer.alloc(16, 7),
  raw: true,
};

async function main() {
  const took = [];
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  const one = async () => {
    while (performance.now() - begun < seconds * 1000) {
      const since = performance.now();
      await hash("correct horse battery staple", options);
      took.push(Math.round((performance.now() - since) * 1000));
    }
  };
  await Promise.all(Array.from({ length: threads }, one));
  const elapsed = Math.round((performance.now() - begun) * 1000);
  const { user, system } = process.cpuUsage(cpuBefore);
  took.sort((left, right) => left - right);
  const at = (percent) => took[Math.floor((took.length * percent) / 100)] ?? 0;
  const peak = process.resourceUsage().maxRSS;
  console.log(`RESULT ${took.length} ${elapsed} ${user + system} ${at(50)} ${at(99)} ${peak}`);
}

main();
