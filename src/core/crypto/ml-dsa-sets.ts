import { ml_dsa44, ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { equalBytes, parseHex } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';

/** The parameter sets of ML-DSA that keys and signatures may have (FIPS 204 §4), as users write them. */
export const ML_DSA_SETS = ['ml-dsa-44', 'ml-dsa-65'] as const;

/** One parameter set of ML-DSA. */
export type MlDsaSet = (typeof ML_DSA_SETS)[number];

/** Bytes of the seed of an ML-DSA key pair of any set (FIPS 204 §5.1). */
export const ML_DSA_SEED_LENGTH = 32;

/** Bytes of a key pair and of a signature (FIPS 204 §4, table 2). */
export interface MlDsaSizes {
  readonly publicKey: number;
  /** The private key, expanded. */
  readonly expandedKey: number;
  readonly signature: number;
}

const SIZES: Readonly<Record<MlDsaSet, MlDsaSizes>> = {
  'ml-dsa-44': { publicKey: 1312, expandedKey: 2560, signature: 2420 },
  'ml-dsa-65': { publicKey: 1952, expandedKey: 4032, signature: 3309 },
};

/** A SubjectPublicKeyInfo of ML-DSA after its tag and length, up to the last octet of the object identifier. */
const ALGORITHM = parseHex('300b06096086480165030403');
const ALGORITHM_START = 4;
const LAST_OCTETS: readonly number[] = [0x11, 0x12];

const NOBLE = { 'ml-dsa-44': ml_dsa44, 'ml-dsa-65': ml_dsa65 } as const;

/** Both halves of a key pair. */
export interface MlDsaPair {
  readonly publicKey: Uint8Array;
  /** Secret: the private key, expanded. */
  readonly expandedKey: Uint8Array;
}

/** Returns the sizes of a parameter set, in bytes. */
export function mlDsaSizes(set: MlDsaSet): MlDsaSizes {
  return SIZES[set];
}

/** Returns true if `name` is a parameter set. */
export function isMlDsaSet(name: string): name is MlDsaSet {
  return (ML_DSA_SETS as readonly string[]).includes(name);
}

/** Returns true for a well-formed SubjectPublicKeyInfo (DER) of an ML-DSA key (RFC 9881 §4). */
export function isMlDsaSpki(spki: Uint8Array): boolean {
  const end = ALGORITHM_START + ALGORITHM.length;
  return equalBytes(spki.subarray(ALGORITHM_START, end), ALGORITHM) && LAST_OCTETS.includes(spki[end] ?? 0);
}

/** Expands a secret seed to its key pair (FIPS 204 §6.1). Throws `bad-key` for a seed that is not 32 bytes. */
export function expandMlDsaSeed(set: MlDsaSet, seed: Uint8Array): MlDsaPair {
  ensure(seed.length === ML_DSA_SEED_LENGTH, 'bad-key', `an ${set} seed is ${ML_DSA_SEED_LENGTH} bytes`);
  const { publicKey, secretKey } = NOBLE[set].keygen(seed);
  return { publicKey, expandedKey: secretKey };
}

/**
 * Signs `message` with pure ML-DSA and an empty context (FIPS 204 §5.2). `entropy` is 32 random bytes, which hedge the
 * signature against faults and side channels (§3.4); without them it is deterministic.
 */
export function signMlDsa(
  set: MlDsaSet,
  expandedKey: Uint8Array,
  message: Uint8Array,
  entropy: Uint8Array | undefined,
): Uint8Array {
  return NOBLE[set].sign(message, expandedKey, { extraEntropy: entropy ?? false });
}

/**
 * Returns true if `signature` is the untrusted key's signature of `message` (FIPS 204 §5.3, empty context). Returns
 * false for keys and signatures of a wrong length or in a non-canonical form.
 */
export function verifiesMlDsa(
  set: MlDsaSet,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const sizes = SIZES[set];
  if (publicKey.length !== sizes.publicKey || signature.length !== sizes.signature) return false;
  try {
    return NOBLE[set].verify(signature, message, publicKey);
  } catch {
    return false;
  }
}
