import { sha512 as nobleSha512 } from '@noble/hashes/sha2.js';

/** A SHA-512 implementation: bytes in, 64 bytes out. */
export type Sha512 = (message: Uint8Array) => Uint8Array;

let implementation: Sha512 = nobleSha512;

/** Returns the SHA-512 hash (FIPS 180-4) of `message`: 64 bytes. */
export function sha512(message: Uint8Array): Uint8Array {
  return implementation(message);
}

/** Replaces noble's SHA-512 with a platform's for this process. Its results must be bit-identical. */
export function installSha512(native: Sha512): void {
  implementation = native;
}
