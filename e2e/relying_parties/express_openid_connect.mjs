// A relying party with express-openid-connect.
import express from "express";
import oidc from "express-openid-connect";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT, SECRET } = process.env;

const app = express();
app.use((_request, response, next) => {
  response.type("text");
  next();
});
// Adds /login, /callback and /logout. PKCE with S256 is always used.
app.use(
  oidc.auth({
    issuerBaseURL: ISSUER,
    baseURL: BASE_URL,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: SECRET,
    idTokenSigningAlg: "ES256",
    authorizationParams: { response_type: "code", scope: "openid profile offline_access" },
    authRequired: false,
    idpLogout: true,
  }),
);

app.get("/", (request, response) => {
  const { user } = request.oidc;
  response.send(user ? `Signed in as ${user.preferred_username}` : "Signed out");
});

app.get("/userinfo", oidc.requiresAuth(), async (request, response) => {
  const info = await request.oidc.fetchUserInfo();
  response.send(`Userinfo of ${info.preferred_username}`);
});

app.get("/refresh", oidc.requiresAuth(), async (request, response) => {
  await request.oidc.accessToken.refresh();
  response.send("Refreshed");
});

app.use((error, _request, response, _next) => {
  response.status(502).send(`Failed: ${error.error ?? error.cause?.[0]?.parameters?.error ?? error}`);
});

app.listen(PORT, "127.0.0.1");
