import { redirect } from "next/navigation";
import { endpoint, session, signOut } from "../../auth";

/** Ends the session, and the login at the provider. */
export async function GET() {
  const token = await session();
  if (!token) redirect("/");
  await signOut({ redirect: false });
  const url = new URL(await endpoint("end_session_endpoint"));
  url.searchParams.set("id_token_hint", token.id_token);
  url.searchParams.set("post_logout_redirect_uri", `${process.env.AUTH_URL}/`);
  redirect(url.href);
}
