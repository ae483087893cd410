// @fastify/jwt: an access token, signed with HS256.
const inWorkers = require("../workers.cjs");
const { createHash, timingSafeEqual } = require("node:crypto");
const jwt = require("@fastify/jwt");
const fastify = require("fastify");

const USERNAME = "ada";
const PASSWORD = "correct horse battery staple";

const digest = (text) => createHash("sha256").update(text).digest();
const same = (given, expected) => timingSafeEqual(digest(given), digest(expected));

// Schemas are how Fastify checks what comes in and writes JSON fast.
const text = (...names) => ({
  type: "object",
  required: names,
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
});

inWorkers(async (port) => {
  const app = fastify();
  await app.register(jwt, {
    // Known to every worker; it guards nothing.
    secret: "a key of the benchmark, the same in each worker",
    sign: { algorithm: "HS256", expiresIn: "15m" },
    verify: { algorithms: ["HS256"] },
  });

  app.post(
    "/login",
    { schema: { body: text("username", "password"), response: { 200: text("access_token") } } },
    async (request, reply) => {
      const { username, password } = request.body;
      if (!(same(username, USERNAME) & same(password, PASSWORD))) {
        return reply.code(401).send({ error: "unauthorized" });
      }
      return { access_token: app.jwt.sign({ sub: username }) };
    },
  );

  app.get(
    "/profile",
    {
      schema: { response: { 200: text("logged_in_as") } },
      onRequest: (request) => request.jwtVerify(),
    },
    async (request) => ({ logged_in_as: request.user.sub }),
  );

  await app.listen({ host: "127.0.0.1", port });
});
