import { type AlternativeName, encodeAlternativeName } from '../alternative-names.ts';
import { type CompanionKeys, encodeCompanionKeys } from '../companion-keys.ts';
import { DerTag } from '../der/der-reader.ts';
import { der, derBitString, derOid, derSequence } from '../der/der-writer.ts';
import { encodeExtension } from '../extension-writer.ts';
import { COMPANION_KEYS_OID, EXTENSION_REQUEST_OID, ExtensionOid } from '../der/oids.ts';
import type { KeyType } from '../public-key.ts';
import { encodeSignatureAlgorithm } from '../signature-algorithm.ts';

/** The key of a request: the part of a `Signer` that a CSR needs. */
export interface CsrKey {
  /** An `rsa` key signs by PKCS#1 v1.5 with SHA-256. */
  readonly algorithm: KeyType;
  readonly spki: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

const VERSION_1 = der(DerTag.integer, Uint8Array.of(0));
const EMPTY_NAME = derSequence();
/** sha256WithRSAEncryption with its NULL (RFC 4055 §5). */
const RSA_WITH_SHA256 = derSequence(derOid('1.2.840.113549.1.1.11'), der(0x05));

/**
 * Writes and signs a PKCS#10 request (RFC 2986 §4.2) for one name. The subject is empty; the extension request holds a
 * critical subjectAltName and any companion keys. Browser-safe. Throws `value-out-of-range`.
 */
export async function signCsr(key: CsrKey, name: AlternativeName, companions?: CompanionKeys): Promise<Uint8Array> {
  const san = encodeExtension(ExtensionOid.subjectAltName, true, encodeAlternativeName(name));
  const extensions = [san];
  if (companions !== undefined) {
    extensions.push(encodeExtension(COMPANION_KEYS_OID, false, encodeCompanionKeys(companions)));
  }
  const attribute = derSequence(derOid(EXTENSION_REQUEST_OID), der(DerTag.set, derSequence(...extensions)));
  const info = derSequence(VERSION_1, EMPTY_NAME, key.spki, der(0xa0, attribute));
  const algorithm = key.algorithm === 'rsa' ? RSA_WITH_SHA256 : encodeSignatureAlgorithm(key.algorithm);
  return derSequence(info, algorithm, derBitString(await key.sign(info)));
}
