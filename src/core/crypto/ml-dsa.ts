import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { ensure } from '../errors.ts';

/** Bytes of the seed from which an ML-DSA-44 key pair follows (FIPS 204 §5.1). */
export const ML_DSA_SEED_LENGTH = 32;
/** Bytes of an ML-DSA-44 public key (FIPS 204 §4). */
export const ML_DSA_PUBLIC_KEY_LENGTH = 1312;
/** Bytes of an ML-DSA-44 signature (FIPS 204 §4). */
export const ML_DSA_SIGNATURE_LENGTH = 2420;

/** A private ML-DSA-44 key that can sign, wherever it lives. */
export interface MlDsaSigner {
  readonly algorithm: 'ml-dsa-44';
  /** {@link ML_DSA_PUBLIC_KEY_LENGTH} bytes. */
  readonly publicKey: Uint8Array;
  /** Signs `message` (pure ML-DSA, empty context): {@link ML_DSA_SIGNATURE_LENGTH} bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * The signer of a secret seed of 32 bytes. Signatures are deterministic unless `random` gives 32 bytes for each, which
 * FIPS 204 §3.4 prefers against faults and side channels. Throws `bad-key` for a seed of another length.
 */
export function mlDsaSigner(seed: Uint8Array, random?: (length: number) => Uint8Array): MlDsaSigner {
  ensure(seed.length === ML_DSA_SEED_LENGTH, 'bad-key', 'an ML-DSA-44 seed is 32 bytes');
  const { secretKey, publicKey } = ml_dsa44.keygen(seed);
  return {
    algorithm: 'ml-dsa-44',
    publicKey,
    sign: (message) =>
      Promise.resolve(ml_dsa44.sign(message, secretKey, { extraEntropy: random === undefined ? false : random(32) })),
  };
}

/**
 * Tells whether `signature` is the untrusted key's ML-DSA-44 signature of `message` (FIPS 204 §5.3, empty context). False
 * also for keys and signatures of a wrong length or a form that is not canonical.
 */
export function isMlDsaSignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== ML_DSA_PUBLIC_KEY_LENGTH || signature.length !== ML_DSA_SIGNATURE_LENGTH) return false;
  try {
    return ml_dsa44.verify(signature, message, publicKey);
  } catch {
    return false;
  }
}
