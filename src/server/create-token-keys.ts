import type { SignerAlgorithm } from '../core/crypto/signer.ts';
import type { DataFolder } from './data-folder.ts';
import { fullName, withKeys } from './key-ring.ts';
import { type KeyKinds, kindOf } from './server-keys.ts';
import { TOKEN_PURPOSES, type TokenPurpose } from './settings/pkcs11.ts';

/** A key that the settings of a folder place in a token. */
export interface PlacedKey {
  readonly purpose: TokenPurpose;
  readonly algorithm: SignerAlgorithm;
  /** Whether it was made now; else it was there. */
  readonly made: boolean;
}

/**
 * Makes the keys in the token that the settings of a folder name and that are not there yet. The token never gives them out: whoever
 * wants a copy makes it with the means of the token. Throws `usage` without `[pkcs11]`, `hsm-refused`, `hsm-unavailable`.
 */
export async function createTokenKeys(folder: DataFolder, kinds: KeyKinds): Promise<readonly PlacedKey[]> {
  return withKeys(folder, async (keys) => {
    const token = await keys.token();
    const placed: PlacedKey[] = [];
    // One after the other: tokens make keys slowly, and one at a time.
    for (const purpose of TOKEN_PURPOSES) {
      const name = keys.inToken(purpose);
      if (name === undefined) continue;
      const made = !(await token.has(name));
      if (made) await token.generate(fullName(name, purpose), kindOf(purpose, kinds));
      const { algorithm } = await token.find(name);
      placed.push({ purpose, algorithm, made });
    }
    return placed;
  });
}
