import { concatBytes } from '../encoding/bytes.ts';
import { ensure } from '../errors.ts';
import { sha256 } from './sha256.ts';

/** Block length of SHA-256 in bytes. */
const BLOCK_LENGTH = 64;

/**
 * Returns HMAC-SHA256 (RFC 2104) under a key of at most 64 bytes. Made of two hashes of whole messages: for short ones,
 * a platform's native hash takes less time than setting up its HMAC. Throws `bad-key` for a longer key.
 */
export function hmacSha256(key: Uint8Array): (message: Uint8Array) => Uint8Array {
  ensure(key.length <= BLOCK_LENGTH, 'bad-key', 'a key of HMAC-SHA256 has at most 64 bytes here');
  const [inner, outer] = [padded(key, 0x36), padded(key, 0x5c)];
  return (message) => sha256(concatBytes(outer, sha256(concatBytes(inner, message))));
}

function padded(key: Uint8Array, pad: number): Uint8Array {
  const block = new Uint8Array(BLOCK_LENGTH).fill(pad);
  key.forEach((byte, i) => (block[i] = byte ^ pad));
  return block;
}
