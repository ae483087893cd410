// A relying party with oidc-client-ts: a page without a server of its own. Its tokens are bound to a key that its scripts cannot read (DPoP).
import express from "express";

const { ISSUER, CLIENT_ID, BASE_URL, PORT } = process.env;

const pages = ["/", "/login", "/callback", "/userinfo", "/refresh", "/logout"];
const settings = { authority: ISSUER, client_id: CLIENT_ID, redirect_uri: `${BASE_URL}/callback` };

/** The script of the page. It runs in the browser. */
async function main(settings) {
  const { UserManager, IndexedDbDPoPStore } = globalThis.oidc;
  const manager = new UserManager({
    ...settings,
    post_logout_redirect_uri: `${location.origin}/`,
    scope: "openid profile offline_access",
    automaticSilentRenew: false,
    dpop: { bind_authorization_code: true, store: new IndexedDbDPoPStore() },
  });
  /** A request with the access token and a proof, which needs a nonce of the server from time to time. */
  async function fetchWithProof(url, user, nonce) {
    const dpop = await manager.dpopProof(url, user, "GET", nonce);
    const headers = { authorization: `DPoP ${user.access_token}`, dpop };
    const response = await fetch(url, { headers });
    const next = response.headers.get("dpop-nonce");
    return response.status === 401 && next && next !== nonce
      ? fetchWithProof(url, user, next)
      : response;
  }
  const actions = {
    async "/"() {
      const user = await manager.getUser();
      return user ? `Signed in as ${user.profile.preferred_username}` : "Signed out";
    },
    async "/login"() {
      await manager.signinRedirect();
      return "";
    },
    async "/callback"() {
      await manager.signinCallback();
      location.replace("/");
      return "";
    },
    async "/userinfo"() {
      const user = await manager.getUser();
      const url = await manager.metadataService.getUserInfoEndpoint();
      const response = await fetchWithProof(url, user);
      if (!response.ok) {
        throw new Error(response.headers.get("www-authenticate"));
      }
      const info = await response.json();
      return `Userinfo of ${info.preferred_username}`;
    },
    async "/refresh"() {
      await manager.signinSilent();
      return "Refreshed";
    },
    async "/logout"() {
      await manager.signoutRedirect();
      return "";
    },
  };
  try {
    document.body.textContent = await actions[location.pathname]();
  } catch (error) {
    document.body.textContent = `Failed: ${error.error ?? error}`;
  }
}

const app = express();
const library = "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js";
app.get("/library.js", (_request, response) => response.sendFile(library, { root: import.meta.dirname }));
app.get("/main.js", (_request, response) => {
  response.type("js").send(`(${main})(${JSON.stringify(settings)});`);
});
app.get(pages, (_request, response) => {
  response.send('<!DOCTYPE html><body><script src="/library.js"></script><script src="/main.js"></script>');
});
app.listen(PORT, "127.0.0.1");
