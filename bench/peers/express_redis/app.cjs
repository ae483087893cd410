// express-session with connect-redis: a signed random id in the cookie, the session in Redis.
const inWorkers = require("../workers.cjs");
const { createHash, timingSafeEqual } = require("node:crypto");
const { RedisStore } = require("connect-redis");
const express = require("express");
const session = require("express-session");
const { createClient } = require("redis");

const USERNAME = "ada";
const PASSWORD = "correct horse battery staple";

const digest = (text) => createHash("sha256").update(String(text)).digest();
const same = (given, expected) => timingSafeEqual(digest(given), digest(expected));

inWorkers(async (port) => {
  const client = createClient({ url: process.env.REDIS_URL });
  client.on("error", console.error);
  await client.connect();

  const app = express();
  app.disable("x-powered-by");
  app.use(
    session({
      store: new RedisStore({ client, ttl: 30 * 60 }),
      // Known to every worker; it guards nothing.
      secret: "a key of the benchmark, the same in each worker",
      resave: false,
      saveUninitialized: false,
      // Not secure, because the benchmark speaks plain HTTP.
      cookie: { httpOnly: true, secure: false, sameSite: "lax" },
    }),
  );

  app.post("/login", express.urlencoded({ extended: false }), (request, response, next) => {
    const { username, password } = request.body ?? {};
    if (!(same(username, USERNAME) & same(password, PASSWORD))) {
      return response.status(401).json({ error: "unauthorized" });
    }
    request.session.regenerate((error) => {
      if (error) return next(error);
      request.session.username = username;
      response.json({ ok: true });
    });
  });

  app.get("/session", (request, response) => {
    const { username } = request.session;
    if (!username) return response.status(401).json({ error: "unauthorized" });
    response.json({ username });
  });

  app.listen(port, "127.0.0.1");
});
