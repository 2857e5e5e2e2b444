import type { SignerAlgorithm } from '../core/crypto/signer.ts';
import type { DataFolder } from './data-folder.ts';
import { fullName, withKeys } from './key-ring.ts';
import { type KeyKinds, kindOf } from './server-keys.ts';
import { TOKEN_PURPOSES, type TokenPurpose } from './settings/pkcs11.ts';

/** A key that the settings place in a token. */
export interface PlacedKey {
  readonly purpose: TokenPurpose;
  readonly algorithm: SignerAlgorithm;
  /** True if this call made the key; false if the token had it already. */
  readonly made: boolean;
}

/**
 * Creates the keys that the settings name and the token lacks. They cannot be exported: copy them with the token's own
 * tools. Throws `usage` without `[pkcs11]`, `hsm-refused`, `hsm-unavailable`.
 */
export async function createTokenKeys(folder: DataFolder, kinds: KeyKinds): Promise<readonly PlacedKey[]> {
  return withKeys(folder, async (keys) => {
    const token = await keys.token();
    const placed: PlacedKey[] = [];
    // One at a time: tokens generate keys slowly, and in sequence anyway.
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
