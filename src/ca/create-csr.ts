import type { SignerAlgorithm } from '../core/crypto/signer.ts';
import { type AlternativeName, encodeAlternativeName } from './alternative-names.ts';
import { DerTag } from './der-reader.ts';
import { der, derBitString, derOid, derSequence } from './der-writer.ts';
import { encodeExtension } from './extension-writer.ts';
import { EXTENSION_REQUEST_OID, ExtensionOid } from './oids.ts';
import { encodeSignatureAlgorithm } from './signature-algorithm.ts';

/** The key that a request is made for: the part of a `Signer` that is needed. */
export interface CsrKey {
  readonly algorithm: SignerAlgorithm;
  readonly spki: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

const VERSION_1 = der(DerTag.integer, Uint8Array.of(0));
const EMPTY_NAME = derSequence();

/**
 * Makes a PKCS#10 request (RFC 2986 §4.2) for one name: empty subject, a critical subjectAltName in its extension request.
 * Browser-safe. Throws `value-out-of-range`.
 */
export async function createCsr(key: CsrKey, name: AlternativeName): Promise<Uint8Array> {
  const san = encodeExtension(ExtensionOid.subjectAltName, true, encodeAlternativeName(name));
  const attribute = derSequence(derOid(EXTENSION_REQUEST_OID), der(DerTag.set, derSequence(san)));
  const info = derSequence(VERSION_1, EMPTY_NAME, key.spki, der(0xa0, attribute));
  return derSequence(info, encodeSignatureAlgorithm(key.algorithm), derBitString(await key.sign(info)));
}
