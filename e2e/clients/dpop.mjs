// Bound tokens with oauth4webapi and dpop.
import assert from "node:assert/strict";
import * as dpop from "dpop";
import * as oauth from "oauth4webapi";

const { ORIGIN, OTHER_ORIGIN, CLIENT_ID, CLIENT_SECRET, PASSWORD } = process.env;
const issuer = new URL(ORIGIN);
const server = await oauth
  .discoveryRequest(issuer, { algorithm: "oauth2" })
  .then((response) => oauth.processDiscoveryResponse(issuer, response));
assert.ok(server.dpop_signing_alg_values_supported.includes("ES256"));

const client = { client_id: CLIENT_ID };
const firstParty = { client_id: "first-party" };
const profile = new URL(`${ORIGIN}/api/profile`);

// Repeats the request with the nonce of the error response, as the guide of the library says, and records whether it had to.
let dances = 0;
async function withNonce(request, process) {
  try {
    return await process(await request());
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    dances += 1;
    return process(await request());
  }
}

for (const algorithm of ["ES256", "Ed25519"]) {
  const key = await oauth.generateKeyPair(algorithm);
  const DPoP = oauth.DPoP(client, key);

  // A token of the client's own.
  const basic = oauth.ClientSecretBasic(CLIENT_SECRET);
  const parameters = new URLSearchParams({ scope: "orders:read" });
  const issued = await withNonce(
    () => oauth.clientCredentialsGrantRequest(server, client, basic, parameters, { DPoP }),
    (response) => oauth.processClientCredentialsResponse(server, client, response),
  );
  assert.equal(issued.token_type, "dpop");
  const told = await oauth
    .introspectionRequest(server, client, basic, issued.access_token)
    .then((response) => oauth.processIntrospectionResponse(server, client, response));
  assert.equal(told.token_type, "DPoP");
  assert.equal(told.cnf.jkt, await DPoP.calculateThumbprint());

  // A person's: sign-in, call, refresh, call.
  const proof = await dpop.generateProof(key, `${ORIGIN}/api/login`, "POST");
  const signedIn = await fetch(`${ORIGIN}/api/login`, {
    method: "POST",
    headers: { "content-type": "application/json", dpop: proof },
    body: JSON.stringify({ username: "ada", password: PASSWORD }),
  });
  assert.equal(signedIn.status, 200);
  const tokens = await signedIn.json();
  assert.equal(tokens.token_type, "DPoP");
  const call = (token, DPoP) =>
    withNonce(
      () => oauth.protectedResourceRequest(token, "GET", profile, undefined, null, { DPoP }),
      (response) => response,
    );
  const personal = oauth.DPoP(firstParty, key);
  assert.equal((await (await call(tokens.access_token, personal)).json()).logged_in_as, "ada");
  const next = await withNonce(
    () => oauth.refreshTokenGrantRequest(server, firstParty, oauth.None(), tokens.refresh_token, { DPoP: personal }),
    (response) => oauth.processRefreshTokenResponse(server, firstParty, response),
  );
  assert.equal(next.token_type, "dpop");
  assert.equal((await (await call(next.access_token, personal)).json()).logged_in_as, "ada");

  // A thief has the tokens, and another key, or none.
  const thief = oauth.DPoP(firstParty, await oauth.generateKeyPair("ES256"));
  await assert.rejects(call(next.access_token, thief), { name: "WWWAuthenticateChallengeError", status: 401 });
  const bearer = await fetch(profile, { headers: { authorization: `Bearer ${next.access_token}` } });
  assert.equal(bearer.status, 401);
  assert.match(bearer.headers.get("www-authenticate"), /^DPoP .*algs="ES256 EdDSA"/);
  await assert.rejects(
    withNonce(
      () => oauth.refreshTokenGrantRequest(server, firstParty, oauth.None(), next.refresh_token, { DPoP: thief }),
      (response) => oauth.processRefreshTokenResponse(server, firstParty, response),
    ),
    { error: "invalid_dpop_proof" },
  );

  // A copy of a whole request is of no use, here or at another instance.
  const nonce = bearer.headers.get("dpop-nonce") ?? signedIn.headers.get("dpop-nonce");
  const own = await dpop.generateProof(key, profile.href, "GET", nonce, next.access_token);
  const headers = { authorization: `DPoP ${next.access_token}`, dpop: own };
  assert.equal((await fetch(profile, { headers })).status, 200);
  for (const origin of [ORIGIN, OTHER_ORIGIN]) {
    const copy = await fetch(`${origin}/api/profile`, { headers });
    assert.equal(copy.status, 401);
    assert.equal((await copy.json()).reason, "DPOP_PROOF_INVALID");
  }
}
assert.ok(dances > 0, "nonces were asked for");
console.log("all checks passed");
