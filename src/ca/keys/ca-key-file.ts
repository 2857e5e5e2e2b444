import { ML_DSA_SEED_LENGTH, ML_DSA_SETS, type MlDsaSet } from '../../core/crypto/ml-dsa-sets.ts';
import type { CaSigner } from '../../core/crypto/signer.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { formatPem } from '../der/pem.ts';
import { encodeMlDsaPkcs8 } from '../ml-dsa-private-key.ts';
import { decryptPkcs8, parsePrivateKey, readKeyText, writePkcs8File } from './key-file.ts';
import { mlDsaCaSigner } from './ml-dsa-ca-signer.ts';
import { signerFromKey } from './node-signer.ts';

/**
 * Writes the ML-DSA key of a CA, given by its secret seed of 32 bytes, to a new encrypted file of mode 0600. Throws
 * `bad-key-file` if the file exists, and `bad-key` for a seed of another length.
 */
export async function writeMlDsaCaKeyFile(
  path: string,
  set: MlDsaSet,
  seed: Uint8Array,
  passphrase: string,
): Promise<void> {
  await writePkcs8File(path, encodeMlDsaPkcs8(set, seed), passphrase);
}

/**
 * Opens the key of a CA, of any kind that signs certificates. `random` returns bytes that hedge signatures of ML-DSA.
 * Throws `bad-key-file`.
 */
export async function readCaKeyFile(
  path: string,
  passphrase: string,
  random: (length: number) => Uint8Array,
): Promise<CaSigner> {
  const plain = await decryptPkcs8(await readKeyText(path), passphrase);
  const seed = plain.slice(-ML_DSA_SEED_LENGTH);
  const set = ML_DSA_SETS.find((one) => plain.length > seed.length && equalBytes(plain, encodeMlDsaPkcs8(one, seed)));
  if (set !== undefined) return mlDsaCaSigner(set, seed, random);
  return signerFromKey(parsePrivateKey(formatPem('PRIVATE KEY', plain), undefined));
}
