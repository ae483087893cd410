// The verdicts of @simplewebauthn/server about responses. One JSON object per line in, one out.
import { createInterface } from "node:readline";
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";

async function verdict({ registration, authentication, challenge, origins, rpId, algorithms }) {
  const expected = {
    expectedChallenge: challenge,
    expectedOrigin: origins,
    expectedRPID: rpId,
    requireUserVerification: true,
  };
  const registered = await verifyRegistrationResponse({
    ...expected,
    response: registration,
    supportedAlgorithmIDs: algorithms,
  });
  if (!registered.verified || authentication === undefined) {
    return { verified: registered.verified };
  }
  const { credential } = registered.registrationInfo;
  const { verified } = await verifyAuthenticationResponse({ ...expected, response: authentication, credential });
  return { verified };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await verdict(JSON.parse(line)).catch((error) => ({ verified: false, error: String(error) }));
  console.log(JSON.stringify(answer));
}
