// A relying party with oauth4webapi and Express. It pushes its authorization requests (RFC 9126).
import express from "express";
import session from "express-session";
import * as oauth from "oauth4webapi";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env;
const redirect_uri = `${BASE_URL}/callback`;
const issuer = new URL(ISSUER);
const server = await oauth
  .discoveryRequest(issuer)
  .then((response) => oauth.processDiscoveryResponse(issuer, response));
const client = { client_id: CLIENT_ID, id_token_signed_response_alg: "ES256" };
const authentication = oauth.ClientSecretBasic(CLIENT_SECRET);

const app = express();
app.use((_request, response, next) => {
  response.type("text");
  next();
});
app.use(session({ secret: process.env.SECRET, resave: false, saveUninitialized: false }));

app.get("/", (request, response) => {
  const { claims } = request.session;
  response.send(claims ? `Signed in as ${claims.preferred_username}` : "Signed out");
});

app.get("/login", async (request, response) => {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  request.session.pending = { verifier, state, nonce };
  const parameters = {
    response_type: "code",
    redirect_uri,
    scope: "openid profile offline_access",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
  };
  const pushed = await oauth
    .pushedAuthorizationRequest(server, client, authentication, parameters)
    .then((answer) => oauth.processPushedAuthorizationResponse(server, client, answer));
  const url = new URL(server.authorization_endpoint);
  url.searchParams.set("client_id", CLIENT_ID);
  url.searchParams.set("request_uri", pushed.request_uri);
  response.redirect(url.href);
});

app.get("/callback", async (request, response) => {
  const { verifier, state, nonce } = request.session.pending;
  const url = new URL(request.originalUrl, BASE_URL);
  const parameters = oauth.validateAuthResponse(server, client, url, state);
  const answer = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    authentication,
    parameters,
    redirect_uri,
    verifier,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  // OpenID Connect allows to rely on TLS here; the signature is verified all the same.
  await oauth.validateApplicationLevelSignature(server, answer);
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  Object.assign(request.session, { tokens, claims, pending: undefined });
  response.redirect("/");
});

app.get("/userinfo", async (request, response) => {
  const { tokens, claims } = request.session;
  const info = await oauth
    .userInfoRequest(server, client, tokens.access_token)
    .then((answer) => oauth.processUserInfoResponse(server, client, claims.sub, answer));
  response.send(`Userinfo of ${info.preferred_username}`);
});

app.get("/refresh", async (request, response) => {
  const { tokens } = request.session;
  const refreshed = await oauth
    .refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token)
    .then((answer) => oauth.processRefreshTokenResponse(server, client, answer));
  request.session.tokens = { ...tokens, ...refreshed };
  response.send("Refreshed");
});

app.get("/logout", (request, response) => {
  const url = new URL(server.end_session_endpoint);
  url.searchParams.set("id_token_hint", request.session.tokens.id_token);
  url.searchParams.set("post_logout_redirect_uri", `${BASE_URL}/`);
  request.session.destroy(() => response.redirect(url.href));
});

app.use((error, _request, response, _next) => {
  response.status(502).send(`Failed: ${error.error ?? error.cause?.[0]?.parameters?.error ?? error}`);
});

app.listen(PORT, "127.0.0.1");
