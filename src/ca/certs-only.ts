import { der, derOid, derSequence, derUnsigned } from './der/der-writer.ts';
import { DerTag } from './der/der-reader.ts';

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const DATA = '1.2.840.113549.1.7.1';

/**
 * Encodes a "certs-only" PKCS#7 message: SignedData without content or signers (RFC 8551 §3.8, RFC 5652 §5.1).
 * `certificates` are DER.
 */
export function encodeCertsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  const signedData = derSequence(
    derUnsigned(Uint8Array.of(1)),
    der(DerTag.set),
    derSequence(derOid(DATA)),
    der(0xa0, ...certificates),
    der(DerTag.set),
  );
  return derSequence(derOid(SIGNED_DATA), der(0xa0, signedData));
}
