import { sha256 } from '../core/crypto/sha256.ts';
import type { PublicKey } from './public-key.ts';

/** The key identifier of a public key: the first 160 bits of SHA-256 of the key's bits (RFC 7093 §2, method 1). */
export function keyIdentifier(key: PublicKey): Uint8Array {
  return sha256(key.keyBits).subarray(0, 20);
}
