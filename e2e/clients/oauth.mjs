// The standard endpoints with oauth4webapi, openid-client and jose.
import assert from "node:assert/strict";
import * as jose from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const { ORIGIN, CLIENT_ID, CLIENT_SECRET, KEY_CLIENT_ID, KEY_JWK, REFRESH_TOKEN } = process.env;
const issuer = new URL(ORIGIN);

const server = await oauth
  .discoveryRequest(issuer, { algorithm: "oauth2" })
  .then((response) => oauth.processDiscoveryResponse(issuer, response));

async function inItsOwnName(client, authentication) {
  const parameters = new URLSearchParams({ scope: "orders:read", resource: ORIGIN });
  const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters);
  return oauth.processClientCredentialsResponse(server, client, response);
}

async function introspected(client, authentication, token) {
  const response = await oauth.introspectionRequest(server, client, authentication, token);
  return oauth.processIntrospectionResponse(server, client, response);
}

async function revoke(client, authentication, token) {
  const response = await oauth.revocationRequest(server, client, authentication, token);
  return oauth.processRevocationResponse(response);
}

function request(token) {
  return new Request(`${ORIGIN}/orders`, { headers: { authorization: `Bearer ${token}` } });
}

// Each way of proving who one is.
const client = { client_id: CLIENT_ID };
const basic = oauth.ClientSecretBasic(CLIENT_SECRET);
const keyClient = { client_id: KEY_CLIENT_ID };
const key = await jose.importJWK(JSON.parse(KEY_JWK), "EdDSA");
const cryptoKey = { key, kid: undefined };
for (const [who, authentication] of [
  [client, basic],
  [client, oauth.ClientSecretPost(CLIENT_SECRET)],
  [keyClient, oauth.PrivateKeyJwt(cryptoKey)],
]) {
  const issued = await inItsOwnName(who, authentication);
  assert.equal(issued.token_type, "bearer");
  assert.equal(issued.scope, "orders:read");
  assert.equal(issued.refresh_token, undefined);
  const claims = await oauth.validateJwtAccessToken(server, request(issued.access_token), ORIGIN);
  assert.equal(claims.sub, who.client_id);
  assert.equal(claims.sid, undefined);
  const told = await introspected(who, authentication, issued.access_token);
  assert.equal(told.active, true);
  assert.equal(told.client_id, who.client_id);
  await revoke(who, authentication, issued.access_token);
  assert.deepEqual(await introspected(who, authentication, issued.access_token), { active: false });
}

// Who cannot prove it is told so, as the standard says.
await assert.rejects(inItsOwnName(client, oauth.ClientSecretBasic("hfs_guessed")), (error) => {
  assert.equal(error.status, 401);
  return true;
});
await assert.rejects(inItsOwnName(client, oauth.ClientSecretPost("hfs_guessed")), (error) => {
  assert.ok(error.status === 401 || error.error === "invalid_client", String(error));
  return true;
});

// A person's refresh token, as the first-party client.
const firstParty = { client_id: "first-party" };
let response = await oauth.refreshTokenGrantRequest(server, firstParty, oauth.None(), REFRESH_TOKEN);
const refreshed = await oauth.processRefreshTokenResponse(server, firstParty, response);
assert.notEqual(refreshed.refresh_token, REFRESH_TOKEN);
const person = await oauth.validateJwtAccessToken(server, request(refreshed.access_token), ORIGIN);
assert.ok(person.sid);
assert.equal((await introspected(client, basic, refreshed.access_token)).username, "ada");
await revoke(firstParty, oauth.None(), refreshed.refresh_token);
assert.deepEqual(await introspected(client, basic, refreshed.access_token), { active: false });
response = await oauth.refreshTokenGrantRequest(server, firstParty, oauth.None(), refreshed.refresh_token);
await assert.rejects(oauth.processRefreshTokenResponse(server, firstParty, response), { error: "invalid_grant" });

// openid-client does the same from the same metadata.
const config = await openid.discovery(issuer, CLIENT_ID, CLIENT_SECRET, undefined, { algorithm: "oauth2" });
const tokens = await openid.clientCredentialsGrant(config, { scope: "orders:read", resource: ORIGIN });
assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).active, true);
await openid.tokenRevocation(config, tokens.access_token);
assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).active, false);

// jose, with the keys that are published.
const keys = jose.createRemoteJWKSet(new URL(server.jwks_uri));
const own = await inItsOwnName(client, basic);
const { payload, protectedHeader } = await jose.jwtVerify(own.access_token, keys, {
  issuer: server.issuer,
  audience: ORIGIN,
  typ: "at+jwt",
});
assert.equal(payload.client_id, CLIENT_ID);
assert.equal(protectedHeader.alg, "EdDSA");
console.log("all checks passed");
