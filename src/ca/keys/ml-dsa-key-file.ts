import { mlDsaSigner, type MlDsaSigner } from '../../core/crypto/ml-dsa.ts';
import { ML_DSA_SEED_LENGTH } from '../../core/crypto/ml-dsa-sets.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { encodeMlDsaPkcs8 } from '../ml-dsa-private-key.ts';
import { decryptPkcs8, readKeyText, writePkcs8File } from './key-file.ts';

/**
 * Writes an ML-DSA-44 key, given by its secret seed of 32 bytes, to a new file of mode 0600. Encrypts it if there is a
 * passphrase. Throws `bad-key-file` if the file exists, and `bad-key` for a seed of another length.
 */
export async function writeMlDsaKeyFile(path: string, seed: Uint8Array, passphrase: string | undefined): Promise<void> {
  await writePkcs8File(path, encodeMlDsaPkcs8('ml-dsa-44', seed), passphrase);
}

/**
 * Opens the signer of a file that {@link writeMlDsaKeyFile} wrote. `random` returns bytes for hedged signatures. Throws
 * `bad-key-file`.
 */
export async function readMlDsaKeyFile(
  path: string,
  passphrase: string | undefined,
  random: (length: number) => Uint8Array,
): Promise<MlDsaSigner> {
  const plain = await decryptPkcs8(await readKeyText(path), passphrase);
  const seed = plain.slice(-ML_DSA_SEED_LENGTH);
  const isSeed = plain.length > ML_DSA_SEED_LENGTH && equalBytes(plain, encodeMlDsaPkcs8('ml-dsa-44', seed));
  ensure(isSeed, 'bad-key-file', `${path} holds no ML-DSA-44 key in its seed form`);
  return mlDsaSigner(seed, random);
}
