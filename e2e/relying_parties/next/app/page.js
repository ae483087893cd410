import { session, signIn } from "../auth";

async function start() {
  "use server";
  await signIn("holdfast");
}

export default async function Page() {
  const token = await session();
  if (token) return `Signed in as ${token.name}`;
  return (
    <form action={start}>
      Signed out <button>Sign in</button>
    </form>
  );
}
