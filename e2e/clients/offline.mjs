// An API that verifies access tokens offline, and refuses revoked ones within a second.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, CLIENT_ID, CLIENT_SECRET, PORT } = process.env;
// A message arrives each second; without one for this time, it is unknown what was revoked.
const FRESH = 3000;

/** What was revoked. */
class Revocations {
  #expiries = new Map();
  // What requests read: a snapshot replaces it when it is complete.
  #known = new Map();
  #lastId = "";
  #currentUntil = 0;

  async follow() {
    for (;;) {
      await this.#followOnce().catch((error) => console.log(`stream of revocations: ${error}`));
      await sleep(1000);
    }
  }

  async #followOnce() {
    const tokens = await fetch(`${ISSUER}/oauth2/token`, {
      method: "POST",
      headers: { authorization: "Basic " + btoa(`${CLIENT_ID}:${CLIENT_SECRET}`) },
      body: new URLSearchParams({ grant_type: "client_credentials", scope: "revocations" }),
      signal: AbortSignal.timeout(FRESH),
    });
    if (!tokens.ok) throw new Error(`token endpoint: ${tokens.status}`);
    const { access_token } = await tokens.json();
    const stalled = new AbortController();
    const timer = setTimeout(() => stalled.abort(), FRESH);
    const response = await fetch(`${ISSUER}/events/revocations`, {
      headers: { authorization: `Bearer ${access_token}`, "last-event-id": this.#lastId },
      signal: stalled.signal,
    });
    if (!response.ok) throw new Error(`events: ${response.status}`);
    let text = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      timer.refresh();
      const events = (text + chunk).split("\n\n");
      text = events.pop();
      for (const event of events) {
        const fields = event.split("\n").map((line) => line.split(/: ?(.*)/s));
        const { id, data } = Object.fromEntries(fields);
        if (data) this.#apply(id, JSON.parse(data));
      }
    }
  }

  #apply(id, { snapshot, revocations, current, time }) {
    // All entries follow. Until then, what is known counts as long as it is current.
    if (snapshot) this.#expiries = new Map();
    for (const { expires_at, ...revoked } of revocations) {
      const [[claim, value]] = Object.entries(revoked);
      this.#expiries.set(`${claim} ${value}`, expires_at);
    }
    this.#lastId = id;
    if (current) {
      // By both clocks, as one of them may be wrong.
      const now = Math.min(time, Date.now() / 1000);
      for (const [key, expiry] of this.#expiries) if (expiry < now) this.#expiries.delete(key);
      this.#known = this.#expiries;
      this.#currentUntil = performance.now() + FRESH;
    }
  }

  /** Whether a token is revoked; null where that is not known. */
  contain(kid, claims) {
    if (performance.now() >= this.#currentUntil) return null;
    const names = ["jti", "sid", "grant_id", "client_id"];
    const identifiers = [`kid ${kid}`, ...names.map((name) => `${name} ${claims[name]}`)];
    return identifiers.some((identifier) => this.#known.has(identifier));
  }
}

const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", ISSUER));
const revocations = new Revocations();
revocations.follow();

/** 200 with the claims of a valid token, 401 for any other, and 503 where that is not known. */
async function status(accessToken) {
  const options = { issuer: ISSUER, audience: AUDIENCE, typ: "at+jwt", algorithms: ["EdDSA"], clockTolerance: 30 };
  try {
    const { payload, protectedHeader } = await jwtVerify(accessToken, keys, options);
    const isRevoked = revocations.contain(protectedHeader.kid, payload);
    if (isRevoked === null) return { code: 503 };
    // A token that is bound to a key is worth nothing without a proof, which this API does not verify.
    return isRevoked || payload.cnf ? { code: 401 } : { code: 200, claims: payload };
  } catch (error) {
    const isRefused = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout);
    return { code: isRefused ? 401 : 503 };
  }
}

createServer(async (request, response) => {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  const { code, claims } = scheme === "Bearer" ? await status(token) : { code: 401 };
  response.statusCode = code;
  response.end(claims ? `orders of ${claims.preferred_username ?? "a program"}\n` : "");
}).listen(PORT, "127.0.0.1");
