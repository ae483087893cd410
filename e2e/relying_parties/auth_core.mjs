// A relying party with Auth.js (@auth/core) and the HTTP server of Node.
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { Auth } from "@auth/core";
import { getToken } from "@auth/core/jwt";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT, SECRET } = process.env;
const discovery = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json();

const config = {
  secret: SECRET,
  basePath: "/auth",
  trustHost: true,
  providers: [
    {
      id: "holdfast",
      name: "Holdfast",
      type: "oidc",
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      client: { id_token_signed_response_alg: "ES256" },
      authorization: { params: { scope: "openid profile offline_access" } },
      checks: ["pkce", "state", "nonce"],
      profile: (claims) => ({ id: claims.sub, name: claims.preferred_username }),
    },
  ],
  callbacks: {
    /** Keeps the tokens of the sign-in, and refreshes them whenever the session is read. */
    async jwt({ token, account }) {
      if (account) {
        const { access_token, refresh_token } = account;
        return { ...token, access_token, refresh_token };
      }
      const refreshed = await refresh(token.refresh_token);
      return { ...token, ...refreshed };
    },
    session: ({ session, token }) => ({ ...session, error: token.error }),
  },
};

async function refresh(refresh_token) {
  const response = await fetch(discovery.token_endpoint, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}` },
    body: new URLSearchParams({ grant_type: "refresh_token", refresh_token }),
  });
  const { access_token, refresh_token: next, error } = await response.json();
  return error ? { error } : { access_token, refresh_token: next };
}

const pages = {
  async "/"(request) {
    const token = await getToken({ req: request, secret: SECRET });
    return new Response(token ? `Signed in as ${token.name}` : "Signed out");
  },

  async "/userinfo"(request) {
    const { access_token } = await getToken({ req: request, secret: SECRET });
    const headers = { authorization: `Bearer ${access_token}` };
    const response = await fetch(discovery.userinfo_endpoint, { headers });
    if (!response.ok) return new Response(`Failed: ${response.headers.get("www-authenticate")}`);
    return new Response(`Userinfo of ${(await response.json()).preferred_username}`);
  },

  async "/refresh"(request) {
    const { headers } = request;
    const answer = await Auth(new Request(`${BASE_URL}/auth/session`, { headers }), config);
    const { error } = await answer.json();
    const response = new Response(error ? `Failed: ${error}` : "Refreshed");
    answer.headers.getSetCookie().forEach((cookie) => response.headers.append("set-cookie", cookie));
    return response;
  },
};

createServer(async (incoming, outgoing) => {
  const { method, headers } = incoming;
  const body = method === "POST" ? Readable.toWeb(incoming) : undefined;
  const url = new URL(incoming.url, BASE_URL);
  const request = new Request(url, { method, headers, body, duplex: "half" });
  const page = pages[url.pathname] ?? ((request) => Auth(request, config));
  const response = await page(request);
  response.headers.forEach((value, name) => outgoing.appendHeader(name, value));
  outgoing.writeHead(response.status).end(Buffer.from(await response.arrayBuffer()));
}).listen(PORT, "127.0.0.1");
