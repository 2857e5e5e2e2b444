import { encodeAlternativeName } from '../ca/alternative-names.ts';
import { der, derBitString, derOid, derSequence, derUnsigned } from '../ca/der-writer.ts';
import { EXTENSION_REQUEST_OID, ExtensionOid } from '../ca/oids.ts';
import { formatPem } from '../ca/pem.ts';
import { encodeSignatureAlgorithm } from '../ca/signature-algorithm.ts';
import type { Identity } from '../identity/identity.ts';
import type { ClientKey } from './client-key.ts';

const RSA_WITH_SHA256 = derSequence(derOid('1.2.840.113549.1.1.11'), der(0x05));

/** A PKCS#10 request (RFC 2986) in PEM for a key and the identity in its subjectAltName, signed by the key. */
export async function createCsr(identity: Identity, key: ClientKey): Promise<string> {
  const san = derSequence(derOid(ExtensionOid.subjectAltName), der(0x04, encodeAlternativeName(identity.san)));
  const attribute = derSequence(derOid(EXTENSION_REQUEST_OID), der(0x31, derSequence(san)));
  const info = derSequence(derUnsigned(Uint8Array.of(0)), derSequence(), key.spki, der(0xa0, attribute));
  const algorithm = key.keyType === 'rsa' ? RSA_WITH_SHA256 : encodeSignatureAlgorithm(key.keyType);
  const request = derSequence(info, algorithm, derBitString(await key.sign(info)));
  return formatPem('CERTIFICATE REQUEST', request);
}
