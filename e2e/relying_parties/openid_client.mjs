// A relying party with openid-client and Express.
import express from "express";
import session from "express-session";
import * as openid from "openid-client";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env;
const redirect_uri = `${BASE_URL}/callback`;
const config = await openid.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  { id_token_signed_response_alg: "EdDSA" },
  openid.ClientSecretBasic(CLIENT_SECRET),
);

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
  const verifier = openid.randomPKCECodeVerifier();
  const [state, nonce] = [openid.randomState(), openid.randomNonce()];
  request.session.pending = { verifier, state, nonce };
  const parameters = {
    redirect_uri,
    scope: "openid profile offline_access",
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
  };
  response.redirect(openid.buildAuthorizationUrl(config, parameters).href);
});

app.get("/callback", async (request, response) => {
  const { verifier, state, nonce } = request.session.pending;
  const tokens = await openid.authorizationCodeGrant(config, new URL(request.originalUrl, BASE_URL), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  Object.assign(request.session, { tokens, claims: tokens.claims(), pending: undefined });
  response.redirect("/");
});

app.get("/userinfo", async (request, response) => {
  const { tokens, claims } = request.session;
  const info = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
  response.send(`Userinfo of ${info.preferred_username}`);
});

app.get("/refresh", async (request, response) => {
  const { tokens } = request.session;
  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token);
  request.session.tokens = { ...tokens, ...refreshed };
  response.send("Refreshed");
});

app.get("/logout", (request, response) => {
  const { id_token } = request.session.tokens;
  const parameters = { id_token_hint: id_token, post_logout_redirect_uri: `${BASE_URL}/` };
  const url = openid.buildEndSessionUrl(config, parameters);
  request.session.destroy(() => response.redirect(url.href));
});

app.use((error, _request, response, _next) => {
  response.status(502).send(`Failed: ${error.error ?? error.cause?.[0]?.parameters?.error ?? error}`);
});

app.listen(PORT, "127.0.0.1");
