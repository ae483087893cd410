// A relying party with passport-openidconnect, which has no option for PKCE: a subclass adds it.
import { createHash, randomBytes } from "node:crypto";
import express from "express";
import session from "express-session";
import passport from "passport";
import { Strategy } from "passport-openidconnect";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env;
const discovery = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json();

/** Adds PKCE (RFC 7636). Passport makes an object for each request, so that what is set on `this` is of that request. */
class PkceStrategy extends Strategy {
  authenticate(request, options) {
    if (request.query.code) {
      this._oauth2 = withParameter(this._oauth2, "code_verifier", request.session.verifier);
    } else {
      request.session.verifier = randomBytes(32).toString("base64url");
      this.challenge = createHash("sha256").update(request.session.verifier).digest("base64url");
    }
    super.authenticate(request, options);
  }

  authorizationParams() {
    return { code_challenge: this.challenge, code_challenge_method: "S256" };
  }
}

function withParameter(oauth2, name, value) {
  return Object.create(oauth2, {
    getOAuthAccessToken: {
      value: (code, parameters, callback) =>
        oauth2.getOAuthAccessToken(code, { ...parameters, [name]: value }, callback),
    },
  });
}

const strategy = new PkceStrategy(
  {
    issuer: discovery.issuer,
    authorizationURL: discovery.authorization_endpoint,
    tokenURL: discovery.token_endpoint,
    userInfoURL: discovery.userinfo_endpoint,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    callbackURL: `${BASE_URL}/callback`,
    scope: ["profile", "offline_access"],
    nonce: true,
    skipUserProfile: false,
  },
  (_issuer, profile, _context, idToken, accessToken, refreshToken, verified) =>
    verified(null, { username: profile.username, idToken, accessToken, refreshToken }),
);
passport.use(strategy);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.use((_request, response, next) => {
  response.type("text");
  next();
});
app.use(session({ secret: process.env.SECRET, resave: false, saveUninitialized: false }));
app.use(passport.session());

app.get("/", (request, response) => {
  response.send(request.user ? `Signed in as ${request.user.username}` : "Signed out");
});

app.get("/login", passport.authenticate("openidconnect"));

app.get("/callback", passport.authenticate("openidconnect", { successRedirect: "/" }));

app.get("/userinfo", (request, response, next) => {
  strategy._oauth2.get(discovery.userinfo_endpoint, request.user.accessToken, (error, body) =>
    error ? next(error) : response.send(`Userinfo of ${JSON.parse(body).preferred_username}`),
  );
});

app.get("/refresh", (request, response, next) => {
  const { user } = request;
  const grant = { grant_type: "refresh_token" };
  strategy._oauth2.getOAuthAccessToken(user.refreshToken, grant, (error, accessToken, refreshToken) => {
    if (error) return next(error);
    request.login({ ...user, accessToken, refreshToken }, () => response.send("Refreshed"));
  });
});

app.get("/logout", (request, response, next) => {
  const url = new URL(discovery.end_session_endpoint);
  url.searchParams.set("id_token_hint", request.user.idToken);
  url.searchParams.set("post_logout_redirect_uri", `${BASE_URL}/`);
  request.logout((error) => (error ? next(error) : response.redirect(url.href)));
});

app.use((error, _request, response, _next) => {
  response.status(502).send(`Failed: ${error.data ?? error.oauthError?.data ?? error}`);
});

app.listen(PORT, "127.0.0.1");
