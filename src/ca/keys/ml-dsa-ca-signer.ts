import type { CaSigner } from '../../core/crypto/signer.ts';
import { type MlDsaSet, signMlDsa } from '../../core/crypto/ml-dsa-sets.ts';
import { mlDsaPrivateKey, mlDsaSpki } from '../ml-dsa-private-key.ts';

/**
 * Creates the signer of a CA from a secret seed of 32 bytes. `random` returns bytes that hedge each signature against
 * faults (FIPS 204 §3.4). Throws `bad-key-file` for a seed of another length.
 */
export function mlDsaCaSigner(set: MlDsaSet, seed: Uint8Array, random: (length: number) => Uint8Array): CaSigner {
  const { expandedKey, publicKey } = mlDsaPrivateKey(set, seed);
  return {
    algorithm: set,
    spki: mlDsaSpki(set, publicKey),
    publicKey,
    sign: (message) => Promise.resolve(signMlDsa(set, expandedKey, message, random(32))),
  };
}
