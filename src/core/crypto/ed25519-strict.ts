import { ed25519 } from '@noble/curves/ed25519.js';
import { ensure, GlasskeyError } from '../errors.ts';

/**
 * Throws `bad-key` if an Ed25519 public key is not a canonical point, or has small order. Under a key of small order,
 * one signature would fit many messages.
 */
export function assertEd25519Key(publicKey: Uint8Array): void {
  ensure(publicKey.length === 32, 'bad-key', 'an Ed25519 public key is 32 bytes');
  let smallOrder: boolean;
  try {
    smallOrder = ed25519.Point.fromBytes(publicKey, false).isSmallOrder();
  } catch (error) {
    throw new GlasskeyError('bad-key', 'not a canonical Ed25519 public key', { cause: error });
  }
  ensure(!smallOrder, 'bad-key', 'an Ed25519 public key of small order');
}

/**
 * A platform's quick check of a 64-byte signature by a key that {@link assertEd25519Key} accepts. True means that
 * RFC 8032 accepts the signature; false means nothing.
 */
export type Ed25519Check = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

let check: Ed25519Check = () => false;

/** Makes this process ask a platform first; what that does not accept is judged as before. */
export function installEd25519Check(quick: Ed25519Check): void {
  check = quick;
}

/** Verifies an untrusted Ed25519 signature by RFC 8032 §5.1.7, not by ZIP 215. Throws `bad-key`, `bad-signature`. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): void {
  assertEd25519Key(publicKey);
  ensure(signature.length === 64, 'bad-signature', 'an Ed25519 signature is 64 bytes');
  if (check(publicKey, message, signature)) return;
  let valid = false;
  try {
    valid = ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch (error) {
    throw new GlasskeyError('bad-signature', 'malformed Ed25519 signature', { cause: error });
  }
  ensure(valid, 'bad-signature', 'the Ed25519 signature does not verify');
}
