import { shake256 } from '@noble/hashes/sha3.js';
import { ensure } from '../../core/errors.ts';

/** Bytes of an X-Wing seed. */
export const X_WING_SEED_BYTES = 32;

/** The private keys that one X-Wing seed stands for. */
export interface ExpandedXWingSeed {
  /** The seed of the ML-KEM-768 key: 64 bytes, d and z (FIPS 203 §7.1). */
  readonly mlKem768Seed: Uint8Array;
  /** The X25519 private key: 32 bytes. */
  readonly x25519Secret: Uint8Array;
}

/** Expands a seed of 32 bytes (draft-connolly-cfrg-xwing-kem §5.2). Throws `value-out-of-range` for another length. */
export function expandXWingSeed(seed: Uint8Array): ExpandedXWingSeed {
  ensure(seed.length === X_WING_SEED_BYTES, 'value-out-of-range', `an X-Wing seed has ${X_WING_SEED_BYTES} bytes`);
  const expanded = shake256(seed, { dkLen: 96 });
  return { mlKem768Seed: expanded.slice(0, 64), x25519Secret: expanded.slice(64) };
}
