// Passkeys at the vault: they show who asks. What opens the backup, their PRF, never comes here.
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';

/** Verifies a new passkey, and returns the text that the vault keeps of it. A device signs that text. */
export async function passkeyText(response, challenge, origin) {
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: new URL(origin).hostname,
    requireUserVerification: true,
  });
  if (!verified) throw new Error('the passkey was not verified');
  const { id, publicKey } = registrationInfo.credential;
  return JSON.stringify({ id, publicKey: Buffer.from(publicKey).toString('base64') });
}

/** Returns the `verifyPasskey` of a vault for the pages of an origin. */
export function verifyPasskeyOf(origin) {
  return async (passkeys, assertion, challenge) => {
    const known = passkeys.map((text) => JSON.parse(text)).find(({ id }) => id === assertion?.id);
    if (known === undefined) return false;
    // Without the counter: synced passkeys do not count.
    const credential = { id: known.id, publicKey: new Uint8Array(Buffer.from(known.publicKey, 'base64')), counter: 0 };
    const { verified } = await verifyAuthenticationResponse({
      response: assertion,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: new URL(origin).hostname,
      requireUserVerification: true,
      credential,
    }).catch(() => ({ verified: false }));
    return verified;
  };
}
