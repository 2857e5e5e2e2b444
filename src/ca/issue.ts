import { ensure } from '../core/errors.ts';
import { type AlternativeName, encodeAlternativeName } from './alternative-names.ts';
import type { Issuer } from './authority.ts';
import { type CompanionKeys, encodeCompanionKeys } from './companion-keys.ts';
import { derOid, derSequence } from './der/der-writer.ts';
import {
  type CertificateUrls,
  encodeAuthorityKeyId,
  encodeExtension,
  encodeKeyUsage,
  encodeLeafConstraints,
  encodeSubjectKeyId,
  encodeUrlExtensions,
} from './extension-writer.ts';
import { assertMayCertify } from './issuer-constraints.ts';
import { COMPANION_KEYS_OID, ExtensionOid } from './der/oids.ts';
import { leafKeyUsage, type LeafProfile, type Validity } from './profile.ts';
import { keyIdentifier, parsePublicKey, type PublicKey } from './public-key.ts';
import { signCertificate } from './sign-certificate.ts';

/** The contents of one leaf certificate. */
export interface LeafRequest extends Validity {
  /** The DER SubjectPublicKeyInfo of the key. Untrusted; the caller must have checked proof of possession. */
  readonly spki: Uint8Array;
  /** The one name that is bound to the key, already canonical. */
  readonly san: AlternativeName;
  /** Keys for encryption, taken from the request that the key signed. Default: none. */
  readonly companions?: CompanionKeys | undefined;
  /** From `newSerial`. */
  readonly serial: Uint8Array;
  readonly profile: LeafProfile;
  readonly urls: CertificateUrls;
}

const EMPTY_NAME = derSequence();

/**
 * Issues a leaf certificate (RFC 5280 §4). The subject is empty and the subjectAltName critical (§4.1.2.6), because the
 * name is an identity and not a directory entry. Throws `bad-key`, `weak-key`, `value-out-of-range` for a validity
 * outside the issuer's, and `forbidden` for a name that the issuer must not certify.
 */
export async function issueLeaf(issuer: Issuer, request: LeafRequest): Promise<Uint8Array> {
  const { certificate, signer } = issuer;
  const inside = request.notBeforeMs >= certificate.notBeforeMs && request.notAfterMs <= certificate.notAfterMs;
  ensure(inside && request.notBeforeMs <= request.notAfterMs, 'value-out-of-range', "validity outside the issuer's");
  assertMayCertify(certificate, request.san);
  return signCertificate(signer, {
    serial: request.serial,
    issuer: certificate.subject.der,
    notBeforeMs: request.notBeforeMs,
    notAfterMs: request.notAfterMs,
    subject: EMPTY_NAME,
    spki: request.spki,
    extensions: leafExtensions(issuer, request, parsePublicKey(request.spki)),
  });
}

function leafExtensions(issuer: Issuer, { san, profile, urls, companions }: LeafRequest, key: PublicKey): Uint8Array[] {
  return [
    encodeLeafConstraints(),
    encodeExtension(ExtensionOid.keyUsage, true, encodeKeyUsage(leafKeyUsage(key.keyType))),
    encodeExtension(ExtensionOid.extendedKeyUsage, false, derSequence(...profile.purposes.map(derOid))),
    encodeExtension(ExtensionOid.subjectAltName, true, encodeAlternativeName(san)),
    encodeSubjectKeyId(keyIdentifier(key)),
    encodeAuthorityKeyId(issuer.keyId),
    ...encodeUrlExtensions(urls),
    ...(companions === undefined ? [] : [encodeExtension(COMPANION_KEYS_OID, false, encodeCompanionKeys(companions))]),
    ...(profile.extensions ?? []).map(({ oid, value }) => encodeExtension(oid, false, value)),
  ];
}
