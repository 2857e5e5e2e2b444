import { type KeyObject, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { giveToFolderOwner } from '../host/folder-owner.ts';
import { createKey, writeKeyFile } from '../ca/keys/key-file.ts';
import { writeMlDsaCaKeyFile } from '../ca/keys/ca-key-file.ts';
import { isMlDsaSet, ML_DSA_SEED_LENGTH } from '../core/crypto/ml-dsa-sets.ts';
import type { CaAlgorithm, SignerAlgorithm } from '../core/crypto/signer.ts';

/**
 * Creates a file with `write`, unless it exists. After a crash the file is complete or absent. It belongs to its
 * folder's owner.
 */
export async function createFileOnce(path: string, write: (path: string) => Promise<void>): Promise<void> {
  if (existsSync(path)) return;
  const unfinished = `${path}.tmp`;
  await rm(unfinished, { force: true });
  await write(unfinished);
  await giveToFolderOwner(unfinished);
  await rename(unfinished, path);
}

/**
 * Creates an encrypted key file (PKCS#8, mode 0600) with a new key, and returns the key; undefined if the file exists.
 * Throws `bad-key-file`.
 */
export async function createKeyFile(
  path: string,
  passphrase: string,
  algorithm: SignerAlgorithm,
): Promise<KeyObject | undefined> {
  let created: KeyObject | undefined;
  await createFileOnce(path, async (unfinished) => {
    const key = await createKey(algorithm);
    await writeKeyFile(unfinished, key, passphrase);
    created = key;
  });
  return created;
}

/** Creates the encrypted key file of a CA with a new key, unless it exists. Throws `bad-key-file`. */
export async function createCaKeyFile(path: string, passphrase: string, algorithm: CaAlgorithm): Promise<void> {
  if (!isMlDsaSet(algorithm)) return void (await createKeyFile(path, passphrase, algorithm));
  const seed = new Uint8Array(randomBytes(ML_DSA_SEED_LENGTH));
  await createFileOnce(path, (unfinished) => writeMlDsaCaKeyFile(unfinished, algorithm, seed, passphrase));
}
