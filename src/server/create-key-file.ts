import { rename, rm } from 'node:fs/promises';
import { createKey, writeKeyFile } from '../ca/keys/key-file.ts';
import type { SignerAlgorithm } from '../core/crypto/signer.ts';

/** Makes a new key in an encrypted file, which is there whole or not at all. Throws `bad-key-file`. */
export async function createKeyFile(path: string, passphrase: string, algorithm: SignerAlgorithm): Promise<void> {
  const unfinished = `${path}.tmp`;
  await rm(unfinished, { force: true });
  await writeKeyFile(unfinished, await createKey(algorithm), passphrase);
  await rename(unfinished, path);
}
