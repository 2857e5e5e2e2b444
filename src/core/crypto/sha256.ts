import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';

/** A SHA-256 implementation: bytes in, 32 bytes out. */
export type Sha256 = (message: Uint8Array) => Uint8Array;

let implementation: Sha256 = nobleSha256;

/** SHA-256 (FIPS 180-4) of `message`: 32 bytes. */
export function sha256(message: Uint8Array): Uint8Array {
  return implementation(message);
}

/**
 * Puts a faster SHA-256 in the place of noble's for this process. The result must be bit-identical: this is for a
 * platform's native hash (about twice as fast in Node), not for another algorithm.
 */
export function installSha256(native: Sha256): void {
  implementation = native;
}
