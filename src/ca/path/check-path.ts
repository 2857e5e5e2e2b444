import { ensure } from '../../core/errors.ts';
import type { KeyUsage } from '../certificate-extensions.ts';
import { ExtensionOid, PurposeOid } from '../der/oids.ts';
import type { GeneralName } from './general-name.ts';
import { isDomainName, isPresentedName } from './host-name.ts';
import { assertNamesAllowed, type Budget } from './name-constraints.ts';
import type { PathCertificate } from './path-certificate.ts';
import { assertPeer, assertServerPath, type PeerNames } from './peer-checks.ts';
import { PathPolicies } from './policies.ts';

/** Requirements on a path. */
export interface PathRequirements extends PeerNames {
  /** The time at which the path must be valid, ms since the epoch. */
  readonly atMs: number;
  /** A purpose that every certificate with an extendedKeyUsage must allow; undefined: any. */
  readonly purpose?: string | undefined;
  /** Uses that the leaf's keyUsage must allow, if it has the extension. */
  readonly keyUsage?: readonly KeyUsage[] | undefined;
  /** The acceptable policies, if one is required; undefined: any. */
  readonly policies?: ReadonlySet<string> | undefined;
  /** True requires a policy, regardless of the certificates (RFC 5280 §6.1.1 (e)). */
  readonly requirePolicy?: boolean | undefined;
  /** True accepts a CA certificate as the leaf, as RFC 5280 allows. Default: false. */
  readonly acceptsCa?: boolean | undefined;
}

/**
 * Validates a path, leaf first, trust anchor last (RFC 5280 §6.1), except for signatures and issuer names: those made
 * it a path. Spends `budget` on name constraints. Returns the policies that hold for the leaf. Throws
 * `certificate-expired`, `bad-certificate`.
 */
export function checkPath(
  path: readonly PathCertificate[],
  requirements: PathRequirements,
  budget: Budget,
): ReadonlySet<string> {
  const [leaf] = path as [PathCertificate];
  for (const certificate of path) assertProfile(certificate, requirements);
  assertLeaf(leaf, requirements);
  assertPeer(leaf, requirements);
  if (requirements.purpose === PurposeOid.serverAuth) assertServerPath(path);
  path.slice(1).forEach((issuer, index) => assertCa(issuer, path.slice(1, index + 1)));
  assertConstraints(path, budget);
  return checkPolicies(path.slice(0, -1), requirements);
}

/** Checks that apply to every certificate (RFC 5280 §4.1, §4.2, §6.1.3 (a), §6.1.4 (o)). */
function assertProfile(certificate: PathCertificate, { atMs, purpose }: PathRequirements): void {
  const { contents, unknownCritical, isCritical, isSelfIssued } = certificate;
  const { serial, extendedKeyUsage } = contents;
  ensure(unknownCritical.length === 0, 'bad-certificate', `critical extension ${unknownCritical[0]} is not processed`);
  // Times are whole seconds, and both ends are included (RFC 5280 §4.1.2.5).
  const nowMs = Math.floor(atMs / 1000) * 1000;
  const isValid = nowMs >= contents.notBeforeMs && nowMs <= contents.notAfterMs;
  ensure(isValid, 'certificate-expired', `certificate ${serial} is not valid at ${new Date(atMs).toISOString()}`);
  for (const oid of NEVER_CRITICAL) ensure(!isCritical(oid), 'bad-certificate', `extension ${oid} is critical`);
  // An anchor is trusted as it is: it need not name its issuer.
  const needsAuthority =
    (!isSelfIssued && certificate.signed !== undefined) ||
    contents.extensionOids.includes(ExtensionOid.authorityKeyIdentifier);
  const hasAuthority = !needsAuthority || contents.authorityKeyId !== undefined;
  ensure(hasAuthority, 'bad-certificate', `certificate ${serial} does not name the key that signed it`);
  ensure(certificate.issuer.length > 0, 'bad-certificate', `certificate ${serial} has no issuer`);
  ensure(
    certificate.names.every(isWellFormed),
    'bad-certificate',
    `a name in certificate ${serial} is not well-formed`,
  );
  const isNamed = certificate.subject.length > 0 || (contents.sansCritical && certificate.names.length > 0);
  ensure(isNamed, 'bad-certificate', `certificate ${serial} has neither a subject nor a critical alternative name`);
  if (purpose === undefined || extendedKeyUsage === undefined) return;
  const allows = extendedKeyUsage.includes(purpose) || extendedKeyUsage.includes(PurposeOid.any);
  ensure(allows, 'bad-certificate', `certificate ${serial} is not for purpose ${purpose}`);
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

function assertLeaf(
  { contents, nameConstraints }: PathCertificate,
  { acceptsCa = false, keyUsage: uses = [] }: PathRequirements,
): void {
  const { isCa, keyUsage } = contents;
  const refused = uses.find((use) => keyUsage?.has(use) === false);
  ensure(refused === undefined, 'bad-certificate', `the certificate does not permit ${refused}`);
  ensure(acceptsCa || !isCa, 'bad-certificate', 'the leaf is a CA certificate');
  const signs = keyUsage?.has('keyCertSign') === true;
  ensure(
    isCa ? keyUsage === undefined || signs : !signs,
    'bad-certificate',
    "the leaf's keyUsage contradicts its basicConstraints",
  );
  const isConstrained = nameConstraints !== undefined && !isCa;
  ensure(!isConstrained, 'bad-certificate', 'a certificate that is not a CA has name constraints');
}

/**
 * Checks that apply to a CA (RFC 5280 §4.2.1.2, §4.2.1.9, §4.2.1.10, §6.1.4 (k)-(n)). `below`: the CAs between it and
 * the leaf.
 */
function assertCa({ contents, isCritical, nameConstraints }: PathCertificate, below: readonly PathCertificate[]): void {
  const { serial, keyUsage, pathLength } = contents;
  ensure(contents.isCa, 'bad-certificate', `certificate ${serial} is not a CA's`);
  ensure(contents.basicConstraintsCritical, 'bad-certificate', `basicConstraints of ${serial} are not critical`);
  const signs = keyUsage === undefined || keyUsage.has('keyCertSign');
  ensure(signs, 'bad-certificate', `certificate ${serial} may not sign certificates`);
  ensure(!contents.subject.empty, 'bad-certificate', `CA ${serial} has no name`);
  ensure(contents.subjectKeyId !== undefined, 'bad-certificate', `CA ${serial} has no key identifier`);
  const depth = below.filter(({ isSelfIssued }) => !isSelfIssued).length;
  ensure(pathLength === undefined || depth <= pathLength, 'bad-certificate', `too many CAs below ${serial}`);
  const isBinding = nameConstraints === undefined || isCritical(ExtensionOid.nameConstraints);
  ensure(isBinding, 'bad-certificate', `name constraints of ${serial} are not critical`);
}

/** Holds the names of each certificate to the constraints of every CA above it (RFC 5280 §6.1.3 (b), (c)). */
function assertConstraints(path: readonly PathCertificate[], budget: Budget): void {
  path.forEach((certificate, index) => {
    if (certificate.isSelfIssued && index > 0) return;
    const names = allNames(certificate);
    for (const { nameConstraints } of path.slice(index + 1)) {
      if (nameConstraints !== undefined) assertNamesAllowed(nameConstraints, names, budget);
    }
  });
}

/**
 * Returns the alternative names, the subject, and the subject's mail addresses. RFC 5280 §4.2.1.10 asks for the last
 * only without alternative names, but a program that reads them reads them in any certificate.
 */
function allNames({ contents, names, subject }: PathCertificate): readonly GeneralName[] {
  return [
    ...names,
    ...(subject.length === 0 ? [] : [{ kind: 'directory', value: subject } as const]),
    ...contents.subject.emailAddresses.map((value) => ({ kind: 'email', value }) as const),
  ];
}

/** `certificates` is the path without its anchor, leaf first. */
function checkPolicies(certificates: readonly PathCertificate[], requirements: PathRequirements): ReadonlySet<string> {
  const state = new PathPolicies(certificates.length, requirements.requirePolicy ?? false);
  for (let index = certificates.length - 1; index >= 0; index--) {
    const { policies, isSelfIssued, isCritical, contents } = certificates[index] as PathCertificate;
    for (const oid of ALWAYS_CRITICAL) {
      const isBinding = !contents.extensionOids.includes(oid) || isCritical(oid);
      ensure(isBinding, 'bad-certificate', `extension ${oid} of ${contents.serial} is not critical`);
    }
    state.process(policies, isSelfIssued, index === 0);
    if (index > 0) state.prepareNext(policies, isSelfIssued);
  }
  return state.finish((certificates[0] as PathCertificate).policies, requirements.policies);
}

/** Policy extensions that conforming CAs always mark as critical (RFC 5280 §4.2.1.11, §4.2.1.14). */
const ALWAYS_CRITICAL = [ExtensionOid.policyConstraints, ExtensionOid.inhibitAnyPolicy];
