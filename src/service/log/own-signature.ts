import { createPublicKey, verify } from 'node:crypto';
import type { Vkey } from '../../core/audit/vkey.ts';
import { concatBytes, parseHex } from '../../core/encoding/bytes.ts';

/** The bytes before an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410 §4). */
const SPKI_PREFIX = parseHex('302a300506032b6570032100');

/**
 * Verifies an Ed25519 signature of this log's own key by OpenSSL, in a tenth of noble's time. Others judge foreign keys
 * by noble, so that all platforms agree about signatures that only the holder of a key can bend.
 */
export function isOwnSignature({ publicKey }: Vkey, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({
    key: Buffer.from(concatBytes(SPKI_PREFIX, publicKey)),
    format: 'der',
    type: 'spki',
  });
  return verify(null, message, key, signature);
}
