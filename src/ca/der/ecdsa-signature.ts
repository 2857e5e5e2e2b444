import { readSingle } from './der-reader.ts';
import { readUnsigned } from './der-values.ts';
import { ensure } from '../../core/errors.ts';
import { withCode } from './with-code.ts';

const FIELD_BYTES = { p256: 32, p384: 48, p521: 66 } as const;

/**
 * Converts a DER `Ecdsa-Sig-Value` (RFC 3279 §2.2.3; untrusted) into the fixed-width r || s that WebCrypto takes.
 * Refuses BER, and padded, negative, zero or oversized numbers. Throws `bad-signature`.
 */
export function ecdsaSignatureToRaw(keyType: keyof typeof FIELD_BYTES, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const width = FIELD_BYTES[keyType];
  return withCode('bad-signature', 'ECDSA signature', () => {
    const reader = readSingle(signature).values;
    const raw = new Uint8Array(2 * width);
    for (const end of [width, 2 * width]) {
      const number = readUnsigned(reader, width);
      ensure(number.length > 0, 'bad-signature', 'ECDSA signature with a zero');
      raw.set(number, end - number.length);
    }
    reader.end();
    return raw;
  });
}
