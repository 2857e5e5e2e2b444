import { equalBytes, formatHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import type { AlternativeName, AlternativeNames } from './alternative-names.ts';
import type { Issuer } from './authority.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import type { RawExtension } from './certificate-extensions.ts';
import { sameCompanionKeys } from './companion-keys.ts';
import type { LeafRequest } from './issue.ts';
import { ExtensionOid } from './der/oids.ts';
import { type ExtraExtension, leafKeyUsage } from './profile.ts';
import { keyIdentifier } from './public-key.ts';
import { SERIAL_BYTES } from './serial.ts';
import { defaultSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';

const REQUIRED_EXTENSIONS: readonly string[] = [
  ExtensionOid.basicConstraints,
  ExtensionOid.keyUsage,
  ExtensionOid.extendedKeyUsage,
  ExtensionOid.subjectAltName,
  ExtensionOid.subjectKeyIdentifier,
  ExtensionOid.authorityKeyIdentifier,
];

/**
 * Reads a leaf certificate that was just signed, and compares every field with the request before the certificate
 * leaves. Does not verify the signature again. Returns the parsed certificate. Throws `lint-failed`, or
 * `bad-certificate`.
 */
export function lintLeaf(der: Uint8Array, issuer: Issuer, request: LeafRequest): ParsedCertificate {
  const certificate = parseCertificate(der);
  const check = (holds: boolean, what: string): void => ensure(holds, 'lint-failed', `certificate: ${what}`);
  const { sans, keyUsage, pathLength, isCa, publicKey, subjectKeyId, authorityKeyId } = certificate;

  check(request.serial.length === SERIAL_BYTES && certificate.serial === formatHex(request.serial), 'serial');
  check(equalBytes(certificate.issuer.der, issuer.certificate.subject.der), 'issuer');
  check(certificate.subject.empty, 'subject is not empty');
  check(certificate.notBeforeMs === request.notBeforeMs && certificate.notAfterMs === request.notAfterMs, 'validity');
  check(equalBytes(certificate.spki, request.spki), 'public key');
  check(
    isSame(certificate.signatureAlgorithm, defaultSignatureAlgorithm(issuer.signer.algorithm)),
    'signature algorithm',
  );

  check(!isCa && pathLength === undefined && certificate.basicConstraintsCritical, 'basicConstraints');
  const usages = leafKeyUsage(certificate.keyType);
  check(certificate.keyUsageCritical && keyUsage?.size === usages.length, 'keyUsage');
  check(
    usages.every((usage) => keyUsage?.has(usage) === true),
    'keyUsage',
  );
  check(certificate.extendedKeyUsage?.join() === request.profile.purposes.join(), 'extendedKeyUsage');
  check(certificate.sansCritical && namesOnly(sans, request.san), 'subjectAltName');
  check(subjectKeyId !== undefined && equalBytes(subjectKeyId, keyIdentifier(publicKey)), 'subjectKeyIdentifier');
  check(authorityKeyId !== undefined && equalBytes(authorityKeyId, issuer.keyId), 'authorityKeyIdentifier');
  check(certificate.crlUrls.join() === (request.urls.crl ?? ''), 'CRL distribution point');
  check(certificate.caIssuersUrls.join() === (request.urls.caIssuers ?? ''), 'authority information access');
  check(certificate.ocspUrls.join() === (request.urls.ocsp ?? ''), 'OCSP responder');
  check(sameCompanionKeys(certificate.companions, request.companions), 'companion keys');
  const { extensionOids } = certificate;
  check(
    REQUIRED_EXTENSIONS.every((oid) => extensionOids.includes(oid)),
    'an extension is missing',
  );
  const extras = request.profile.extensions ?? [];
  check(
    extras.every((extra) => certificate.rawExtensions.some((one) => isExtension(one, extra))),
    'extra extensions',
  );
  const optional =
    extras.length +
    Number(request.urls.crl !== undefined) +
    Number((request.urls.caIssuers ?? request.urls.ocsp) !== undefined) +
    Number(request.companions !== undefined);
  check(extensionOids.length === REQUIRED_EXTENSIONS.length + optional, 'an extension too many');
  return certificate;
}

function isSame(a: SignatureAlgorithm, b: SignatureAlgorithm): boolean {
  return a.family === b.family && ('hash' in a ? a.hash : undefined) === ('hash' in b ? b.hash : undefined);
}

function isExtension({ oid, critical, value }: RawExtension, wanted: ExtraExtension): boolean {
  return oid === wanted.oid && !critical && equalBytes(value, wanted.value);
}

/** Returns true if `wanted` is the only name, in the field where it belongs. */
function namesOnly({ email, smtpUtf8, uri, other }: AlternativeNames, wanted: AlternativeName): boolean {
  if (other || email.length + smtpUtf8.length + uri.length !== 1) return false;
  if (wanted.kind === 'uri') return uri[0] === wanted.value;
  return (email[0] ?? smtpUtf8[0]) === wanted.value;
}
