import { KemId } from '@hpke/core';
import { x25519 } from '@noble/curves/ed25519.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import type { RawKem } from './raw-kem.ts';

const KEY_BYTES = 32;
const LABELED = encodeUtf8('HPKE-v1KEM\x00\x20');

/**
 * DHKEM(X25519, HKDF-SHA256) (RFC 9180 §4.1). Works on every platform: WebCrypto of older browsers has no X25519.
 * Throws for a public key of small order, as §7.1.4 says.
 */
export const DHKEM_X25519: RawKem = {
  id: KemId.DhkemX25519HkdfSha256,
  encBytes: KEY_BYTES,
  publicKeyBytes: KEY_BYTES,
  privateKeyBytes: KEY_BYTES,
  randomBytes: KEY_BYTES,
  encapsulate(publicKey, ephemeral) {
    const enc = x25519.getPublicKey(ephemeral);
    return { enc, sharedSecret: extractAndExpand(x25519.getSharedSecret(ephemeral, publicKey), enc, publicKey) };
  },
  decapsulate(privateKey, enc) {
    return extractAndExpand(x25519.getSharedSecret(privateKey, enc), enc, x25519.getPublicKey(privateKey));
  },
};

/** ExtractAndExpand of RFC 9180 §4.1. */
function extractAndExpand(dh: Uint8Array, enc: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const prk = extract(sha256, concatBytes(LABELED, encodeUtf8('eae_prk'), dh), new Uint8Array());
  const length = Uint8Array.of(0, 32);
  return expand(sha256, prk, concatBytes(length, LABELED, encodeUtf8('shared_secret'), enc, publicKey), 32);
}
