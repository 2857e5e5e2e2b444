import { mlDsaSigner, type MlDsaSigner, ML_DSA_SEED_LENGTH } from '../../core/crypto/ml-dsa.ts';
import { concatBytes, equalBytes, parseHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { decryptPkcs8, readKeyText, writePkcs8File } from './key-file.ts';

/** PKCS#8 of an ML-DSA-44 key in its seed form (RFC 9881 §6), up to the seed, which comes last. */
const SEED_PREFIX = parseHex('3034020100300b060960864801650304031104228020');

/**
 * Writes an ML-DSA-44 key, given by its secret seed of 32 bytes, to a new file of mode 0600. Encrypts it if there is a
 * passphrase. Throws `bad-key-file` if the file exists.
 */
export async function writeMlDsaKeyFile(path: string, seed: Uint8Array, passphrase: string | undefined): Promise<void> {
  ensure(seed.length === ML_DSA_SEED_LENGTH, 'bad-key', 'an ML-DSA-44 seed is 32 bytes');
  await writePkcs8File(path, concatBytes(SEED_PREFIX, seed), passphrase);
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
  const isSeed =
    plain.length === SEED_PREFIX.length + ML_DSA_SEED_LENGTH &&
    equalBytes(plain.subarray(0, SEED_PREFIX.length), SEED_PREFIX);
  ensure(isSeed, 'bad-key-file', `${path} holds no ML-DSA-44 key in its seed form`);
  return mlDsaSigner(plain.slice(SEED_PREFIX.length), random);
}
