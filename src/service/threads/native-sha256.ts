import { hash } from 'node:crypto';
import { installSha256 } from '../../core/crypto/sha256.ts';

/**
 * Computes SHA-256 with Node's OpenSSL. It reads the digest as a binary string. For the short messages of hash trees,
 * this takes half the time of a Buffer and a quarter of noble's.
 */
export function nativeSha256(message: Uint8Array): Uint8Array {
  const digest = hash('sha256', message, 'binary');
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++) bytes[i] = digest.charCodeAt(i);
  return bytes;
}

/** Makes this process hash with {@link nativeSha256}. Programs call it once at start. */
export function installNativeSha256(): void {
  installSha256(nativeSha256);
}
