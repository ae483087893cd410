// Refreshes the tokens before they expire. A page cannot: it cannot set the cookie with the next refresh token.
import { cookies } from "next/headers";
import { NextResponse } from "next/server";
import { session, unstable_update } from "./auth";

export async function proxy(request) {
  const token = await session();
  if (token && token.expires_at * 1000 < Date.now() + 60_000) {
    await unstable_update({});
    // The page reads the session from the request.
    for (const { name, value } of (await cookies()).getAll()) request.cookies.set(name, value);
  }
  return NextResponse.next({ request });
}

// Below /api/auth, Auth.js itself sets the cookie of the session.
export const config = { matcher: "/((?!api/auth/|_next/|favicon.ico).*)" };
