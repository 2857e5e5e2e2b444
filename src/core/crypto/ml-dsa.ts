import { expandMlDsaSeed, mlDsaSizes, signMlDsa, verifiesMlDsa } from './ml-dsa-sets.ts';

/** Bytes of an ML-DSA-44 public key (FIPS 204 §4). */
export const ML_DSA_PUBLIC_KEY_LENGTH = mlDsaSizes('ml-dsa-44').publicKey;

/** A private ML-DSA-44 key that signs checkpoints, in memory or elsewhere. */
export interface MlDsaSigner {
  readonly algorithm: 'ml-dsa-44';
  /** {@link ML_DSA_PUBLIC_KEY_LENGTH} bytes. */
  readonly publicKey: Uint8Array;
  /** Signs `message` with pure ML-DSA and an empty context. Returns 2420 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * Creates a signer from a secret seed of 32 bytes. Throws `bad-key` for a seed of another length. Signatures are
 * deterministic unless `random` provides 32 bytes for each. FIPS 204 §3.4 prefers randomness against faults and side
 * channels.
 */
export function mlDsaSigner(seed: Uint8Array, random?: (length: number) => Uint8Array): MlDsaSigner {
  const { expandedKey, publicKey } = expandMlDsaSeed('ml-dsa-44', seed);
  return {
    algorithm: 'ml-dsa-44',
    publicKey,
    sign: (message) => Promise.resolve(signMlDsa('ml-dsa-44', expandedKey, message, random?.(32))),
  };
}

/**
 * Returns true if `signature` is the untrusted key's ML-DSA-44 signature of `message` (FIPS 204 §5.3, empty context).
 * Returns false for keys and signatures of a wrong length or in a non-canonical form.
 */
export function isMlDsaSignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return verifiesMlDsa('ml-dsa-44', publicKey, message, signature);
}
