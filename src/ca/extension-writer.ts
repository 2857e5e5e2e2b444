import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { KEY_USAGES, type KeyUsage } from './certificate-extensions.ts';
import { DerTag } from './der/der-reader.ts';
import { der, derOid, derSequence, derUnsigned } from './der/der-writer.ts';
import { CA_ISSUERS_OID, ExtensionOid, OCSP_ACCESS_OID } from './der/oids.ts';

const TRUE = der(DerTag.boolean, Uint8Array.of(0xff));

/** URLs that a certificate carries for programs that check it. */
export interface CertificateUrls {
  /** The issuer's CRL; undefined omits the extension. */
  readonly crl: string | undefined;
  /** The issuer's own certificate, DER; undefined omits the extension. */
  readonly caIssuers: string | undefined;
  /** The OCSP responder. Default: none. */
  readonly ocsp?: string | undefined;
}

/** Encodes an Extension (RFC 5280 §4.1). */
export function encodeExtension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), ...(critical ? [TRUE] : []), der(DerTag.octetString, value));
}

/** Encodes the basicConstraints extension of a CA with at most `pathLength` CAs below it (RFC 5280 §4.2.1.9). */
export function encodeCaConstraints(pathLength: number): Uint8Array {
  const value = derSequence(TRUE, derUnsigned(Uint8Array.of(pathLength)));
  return encodeExtension(ExtensionOid.basicConstraints, true, value);
}

/** Encodes the basicConstraints extension of a certificate that is not a CA's. */
export function encodeLeafConstraints(): Uint8Array {
  return encodeExtension(ExtensionOid.basicConstraints, true, derSequence());
}

/** Encodes the value of keyUsage (RFC 5280 §4.2.1.3). */
export function encodeKeyUsage(usages: readonly KeyUsage[]): Uint8Array {
  let bits = 0;
  for (const usage of usages) bits |= 0x8000 >> KEY_USAGES.indexOf(usage);
  const octets = (bits & 0xff) === 0 ? [bits >> 8] : [bits >> 8, bits & 0xff];
  const last = octets.at(-1) ?? 0;
  const unused = 31 - Math.clz32(last & -last);
  return der(DerTag.bitString, Uint8Array.of(unused, ...octets));
}

/** Encodes the subjectKeyIdentifier extension. */
export function encodeSubjectKeyId(keyId: Uint8Array): Uint8Array {
  return encodeExtension(ExtensionOid.subjectKeyIdentifier, false, der(DerTag.octetString, keyId));
}

/** Encodes the authorityKeyIdentifier extension from the identifier of the issuer's key. */
export function encodeAuthorityKeyId(keyId: Uint8Array): Uint8Array {
  return encodeExtension(ExtensionOid.authorityKeyIdentifier, false, derSequence(der(0x80, keyId)));
}

/** Encodes the extensions that hold URLs: CRL distribution point and authority information access. */
export function encodeUrlExtensions({ crl, caIssuers, ocsp }: CertificateUrls): Uint8Array[] {
  const extensions: Uint8Array[] = [];
  if (crl !== undefined) {
    const fullName = der(0xa0, encodeFullName(crl));
    extensions.push(encodeExtension(ExtensionOid.crlDistributionPoints, false, derSequence(derSequence(fullName))));
  }
  const descriptions: Uint8Array[] = [];
  if (ocsp !== undefined) descriptions.push(derSequence(derOid(OCSP_ACCESS_OID), encodeUrl(ocsp)));
  if (caIssuers !== undefined) descriptions.push(derSequence(derOid(CA_ISSUERS_OID), encodeUrl(caIssuers)));
  if (descriptions.length > 0) {
    extensions.push(encodeExtension(ExtensionOid.authorityInformationAccess, false, derSequence(...descriptions)));
  }
  return extensions;
}

function encodeUrl(url: string): Uint8Array {
  ensure(/^[\x21-\x7e]+$/.test(url), 'value-out-of-range', 'a URL in a certificate must be ASCII');
  return der(0x86, encodeUtf8(url));
}

/** Encodes a DistributionPointName of one URL (RFC 5280 §4.2.1.13). Throws `value-out-of-range`. */
export function encodeFullName(url: string): Uint8Array {
  return der(0xa0, encodeUrl(url));
}
