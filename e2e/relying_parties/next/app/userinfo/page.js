import { redirect } from "next/navigation";
import { endpoint, session } from "../../auth";

export default async function Page() {
  const token = await session();
  if (!token) redirect("/");
  const headers = { authorization: `Bearer ${token.access_token}` };
  const response = await fetch(await endpoint("userinfo_endpoint"), { headers });
  if (!response.ok) return `Failed: ${response.headers.get("www-authenticate")}`;
  return `Userinfo of ${(await response.json()).preferred_username}`;
}
