import { identityOf } from '../shared/protocol.ts';
import { Refusal } from './refusal.ts';

/** Time for an answer of the Glasskey server, ms. */
const TIMEOUT_MS = 10_000;

/** Where the Glasskey server is, and the application token, which never leaves the backend. */
export interface VouchingOptions {
  readonly url: () => string;
  readonly token: string;
}

/** Vouches for devices of users who are logged in. */
export class Vouching {
  readonly #options: VouchingOptions;

  constructor(options: VouchingOptions) {
    this.#options = options;
  }

  /**
   * Returns a grant: it registers one key, for the name of this account and no other. `keyHash` is the base64 of the
   * SHA-256 of the device's SubjectPublicKeyInfo. The device registers itself with it, and verifies the log's answer.
   */
  async grantFor(account: string, keyHash: string): Promise<string> {
    const { url, token } = this.#options;
    const response = await fetch(`${url()}/v1/registration-grants`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ identity: identityOf(account), key: keyHash }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = (await response.json()) as { readonly grant?: unknown };
    // The answer of the server may hold what is not for users.
    if (!response.ok || typeof answer.grant !== 'string') throw new Refusal(502, 'no-grant', 'The key server said no.');
    return answer.grant;
  }
}
