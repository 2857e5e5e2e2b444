import { p256 } from '@noble/curves/nist.js';
import { ensure, GlasskeyError } from '../errors.ts';

/** Bytes of an uncompressed point (SEC 1 §2.3.3). */
const UNCOMPRESSED_LENGTH = 65;
const UNCOMPRESSED = 0x04;

/** Bytes of a signature: r and s, 256 bits each. */
const SIGNATURE_LENGTH = 64;

/**
 * Throws `bad-key` if an ECDSA public key is not an uncompressed point of P-256 (SEC 1 §2.3.3; KT §17.1). The curve's
 * only point of small order is the one at infinity, which has no such encoding.
 */
export function assertP256Key(publicKey: Uint8Array): void {
  const isUncompressed = publicKey.length === UNCOMPRESSED_LENGTH && publicKey[0] === UNCOMPRESSED;
  ensure(isUncompressed, 'bad-key', 'a P-256 public key is an uncompressed point of 65 bytes');
  try {
    p256.Point.fromBytes(publicKey);
  } catch (error) {
    throw new GlasskeyError('bad-key', 'not a point of P-256', { cause: error });
  }
}

/**
 * Verifies an untrusted ECDSA signature over P-256 with SHA-256, encoded as r || s (KT §17.1). Throws `bad-key`,
 * `bad-signature`. It accepts both signatures that differ in the sign of s, since both sign the same message.
 */
export function verifyP256(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): void {
  assertP256Key(publicKey);
  ensure(signature.length === SIGNATURE_LENGTH, 'bad-signature', 'an ECDSA signature is 64 bytes');
  let valid = false;
  try {
    valid = p256.verify(signature, message, publicKey, { prehash: true, lowS: false, format: 'compact' });
  } catch (error) {
    throw new GlasskeyError('bad-signature', 'malformed ECDSA signature', { cause: error });
  }
  ensure(valid, 'bad-signature', 'the ECDSA signature does not verify');
}
