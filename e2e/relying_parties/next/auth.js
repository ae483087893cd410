// A relying party with Next.js and Auth.js.
import NextAuth from "next-auth";
import { getToken } from "next-auth/jwt";
import { headers } from "next/headers";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, AUTH_URL, SECRET } = process.env;

export const { handlers, signIn, signOut, unstable_update } = NextAuth({
  secret: SECRET,
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
    /** Keeps the tokens of the sign-in in the session, and those of each refresh. */
    jwt({ token, account, trigger }) {
      if (account) {
        const { access_token, refresh_token, id_token, expires_at } = account;
        return { ...token, access_token, refresh_token, id_token, expires_at };
      }
      return trigger === "update" ? refreshOnce(token) : token;
    },
  },
});

/** What the session contains, or null. Only the server can read it: its cookie is encrypted. */
export async function session() {
  const req = { headers: await headers() };
  return getToken({ req, secret: SECRET, secureCookie: AUTH_URL.startsWith("https:") });
}

/** The URL of an endpoint of the provider. */
export async function endpoint(name) {
  const url = `${ISSUER}/.well-known/openid-configuration`;
  const response = await fetch(url, { next: { revalidate: 3600 } });
  return (await response.json())[name];
}

const refreshes = new Map();

/** Requests of one browser that arrive together share a refresh, as a refresh token is used once. */
function refreshOnce(token) {
  const key = token.refresh_token;
  if (!refreshes.has(key)) {
    // While the provider does not answer, the session remains as it is.
    refreshes.set(key, refresh(token).catch(() => token));
    setTimeout(() => refreshes.delete(key), 10_000);
  }
  return refreshes.get(key);
}

/** The session with the next tokens; null, which ends it, when the login has ended. */
async function refresh(token) {
  const response = await fetch(await endpoint("token_endpoint"), {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}` },
    body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: token.refresh_token }),
  });
  const { error, expires_in, ...tokens } = await response.json();
  if (error === "invalid_grant") return null;
  if (error) throw new Error(error);
  return { ...token, ...tokens, expires_at: Math.floor(Date.now() / 1000) + expires_in };
}
