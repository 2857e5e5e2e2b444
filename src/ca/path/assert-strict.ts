import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { ExtensionOid, PurposeOid } from '../der/oids.ts';
import type { GeneralName } from './general-name.ts';
import { isDomainName, isPresentedName } from './host-name.ts';
import type { PathCertificate } from './path-certificate.ts';

/**
 * Checks what RFC 5280 §4 asks of the CAs that issued a path, anchor included, and for servers what the Web PKI asks.
 * This is all that the profile `strict` adds to RFC 5280 §6.1. Throws `bad-certificate`.
 */
export function assertStrict(path: readonly PathCertificate[], { purpose }: { readonly purpose?: string | undefined }) {
  for (const certificate of path) assertIssuedWell(certificate);
  assertLeaf(path[0] as PathCertificate);
  path.slice(1).forEach(assertCa);
  path.slice(0, -1).forEach(assertPoliciesCritical);
  if (purpose === PurposeOid.serverAuth) assertServerPath(path);
}

/** Checks that apply to every certificate (RFC 5280 §4.1, §4.2). */
function assertIssuedWell(certificate: PathCertificate): void {
  const { contents, isCritical, isSelfIssued } = certificate;
  const { serial } = contents;
  for (const oid of NEVER_CRITICAL) ensure(!isCritical(oid), 'bad-certificate', `extension ${oid} is critical`);
  // An anchor is trusted as it is: it need not name its issuer.
  const needsAuthority =
    (!isSelfIssued && certificate.signed !== undefined) ||
    contents.extensionOids.includes(ExtensionOid.authorityKeyIdentifier);
  const hasAuthority = !needsAuthority || contents.authorityKeyId !== undefined;
  ensure(hasAuthority, 'bad-certificate', `certificate ${serial} does not name the key that signed it`);
  ensure(certificate.issuer.length > 0, 'bad-certificate', `certificate ${serial} has no issuer`);
  const isFormed = certificate.names.every(isWellFormed);
  ensure(isFormed, 'bad-certificate', `a name in certificate ${serial} is not well-formed`);
  const isNamed = certificate.subject.length > 0 || (contents.sansCritical && certificate.names.length > 0);
  ensure(isNamed, 'bad-certificate', `certificate ${serial} has neither a subject nor a critical alternative name`);
}

/** Extensions that conforming CAs never mark as critical (RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1). */
const NEVER_CRITICAL = [
  ExtensionOid.authorityKeyIdentifier,
  ExtensionOid.subjectKeyIdentifier,
  ExtensionOid.authorityInformationAccess,
];

function isWellFormed({ kind, value }: GeneralName): boolean {
  switch (kind) {
    case 'dns':
      return isPresentedName(value);
    case 'email': {
      const [local = '', domain = '', ...more] = value.split('@');
      // RFC 8398 put U-labels into an SmtpUTF8Mailbox, which is the only mail address beyond ASCII.
      return local !== '' && more.length === 0 && (isDomainName(domain) || /[^\0-\x7f]/.test(domain));
    }
    case 'ip':
      return value.length === 4 || value.length === 16;
    case 'uri':
      return /^[a-z][a-z0-9+.-]*:./i.test(value);
    case 'directory':
    case 'other':
      return true;
  }
}

function assertLeaf({ contents, nameConstraints }: PathCertificate): void {
  const { isCa, keyUsage } = contents;
  const signs = keyUsage?.has('keyCertSign') === true;
  ensure(
    isCa ? keyUsage === undefined || signs : !signs,
    'bad-certificate',
    "the leaf's keyUsage contradicts its basicConstraints",
  );
  const isConstrained = nameConstraints !== undefined && !isCa;
  ensure(!isConstrained, 'bad-certificate', 'a certificate that is not a CA has name constraints');
}

/** Checks that apply to a CA or an anchor (RFC 5280 §4.2.1.2, §4.2.1.3, §4.2.1.9, §4.2.1.10). */
function assertCa({ contents, isCritical, nameConstraints }: PathCertificate): void {
  const { serial, keyUsage } = contents;
  ensure(contents.isCa, 'bad-certificate', `certificate ${serial} is not a CA's`);
  ensure(contents.basicConstraintsCritical, 'bad-certificate', `basicConstraints of ${serial} are not critical`);
  const signs = keyUsage === undefined || keyUsage.has('keyCertSign');
  ensure(signs, 'bad-certificate', `certificate ${serial} may not sign certificates`);
  ensure(!contents.subject.empty, 'bad-certificate', `CA ${serial} has no name`);
  ensure(contents.subjectKeyId !== undefined, 'bad-certificate', `CA ${serial} has no key identifier`);
  const isBinding = nameConstraints === undefined || isCritical(ExtensionOid.nameConstraints);
  ensure(isBinding, 'bad-certificate', `name constraints of ${serial} are not critical`);
}

/** Checks the policy extensions that conforming CAs always mark as critical (RFC 5280 §4.2.1.11, §4.2.1.14). */
function assertPoliciesCritical({ contents, isCritical }: PathCertificate): void {
  for (const oid of [ExtensionOid.policyConstraints, ExtensionOid.inhibitAnyPolicy]) {
    const isBinding = !contents.extensionOids.includes(oid) || isCritical(oid);
    ensure(isBinding, 'bad-certificate', `extension ${oid} of ${contents.serial} is not critical`);
  }
}

/**
 * Checks the Web PKI's requirements on a TLS server's path beyond RFC 5280 (CA/Browser Forum Baseline Requirements
 * §7.1.2). The leaf has alternative names, critical only without a subject; its purposes, if any, include serverAuth by
 * name. Anchors have no purposes and name themselves by their key only. Common names are ignored. Throws
 * `bad-certificate`.
 */
function assertServerPath(path: readonly PathCertificate[]): void {
  const [leaf] = path as [PathCertificate];
  const { subject, sansCritical, extendedKeyUsage } = leaf.contents;
  ensure(leaf.names.length > 0, 'bad-certificate', 'the server certificate has no alternative names');
  ensure(
    !sansCritical || subject.empty,
    'bad-certificate',
    'alternative names are critical although there is a subject',
  );
  const isForServers = extendedKeyUsage === undefined || isServerPurpose(extendedKeyUsage);
  ensure(isForServers, 'bad-certificate', 'the server certificate is for other purposes');
  ensure(!leaf.isCritical(ExtensionOid.extendedKeyUsage), 'bad-certificate', 'extendedKeyUsage is critical');
  assertServerAnchor(path.at(-1) as PathCertificate);
}

function assertServerAnchor({ contents, isSelfIssued, authorityIsNamed }: PathCertificate): void {
  if (!isSelfIssued) return;
  const { authorityKeyId, subjectKeyId, extendedKeyUsage } = contents;
  ensure(!authorityIsNamed, 'bad-certificate', 'the root names itself by issuer and serial number');
  const isOwn = authorityKeyId === undefined || equalBytes(authorityKeyId, subjectKeyId ?? new Uint8Array());
  ensure(isOwn, 'bad-certificate', "the root names another key as its issuer's");
  ensure(extendedKeyUsage === undefined, 'bad-certificate', 'the root has purposes');
}

function isServerPurpose(purposes: readonly string[]): boolean {
  return purposes.includes(PurposeOid.serverAuth) && !purposes.includes(PurposeOid.any);
}
