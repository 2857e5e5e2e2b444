import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';

/** The length of a SHA-256 hash in bytes: both cipher suites use it, and so do all trees. */
export const HASH_LENGTH = 32;

/** A SHA-256 implementation: bytes in, 32 bytes out. */
export type Sha256 = (message: Uint8Array) => Uint8Array;

let implementation: Sha256 = nobleSha256;

/** Returns the SHA-256 hash (FIPS 180-4) of `message`: 32 bytes. */
export function sha256(message: Uint8Array): Uint8Array {
  return implementation(message);
}

/**
 * Replaces noble's SHA-256 with a faster one for this process. Its results must be bit-identical: this is for a
 * platform's native hash (about twice as fast in Node), not for another algorithm.
 */
export function installSha256(native: Sha256): void {
  implementation = native;
}
