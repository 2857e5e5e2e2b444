import { ensure } from '../../core/errors.ts';
import type { KeyUsage } from '../certificate-extensions.ts';
import { PurposeOid } from '../der/oids.ts';
import { assertStrict } from './assert-strict.ts';
import type { GeneralName } from './general-name.ts';
import { assertNamesAllowed, type Budget } from './name-constraints.ts';
import type { PathCertificate, PathProfile } from './path-certificate.ts';
import { assertPeer, type PeerNames } from './peer-checks.ts';
import { type InitialPolicies, PathPolicies } from './policies.ts';

/** Requirements on a path. */
export interface PathRequirements extends PeerNames, InitialPolicies {
  /** The rules. Default: `strict`. */
  readonly profile?: PathProfile | undefined;
  /** The time at which the path must be valid, ms since the epoch. */
  readonly atMs: number;
  /** A purpose that every certificate with an extendedKeyUsage must allow; undefined: any. */
  readonly purpose?: string | undefined;
  /** Uses that the leaf's keyUsage must allow, if it has the extension. */
  readonly keyUsage?: readonly KeyUsage[] | undefined;
  /** The acceptable policies, if one is required; undefined: any. */
  readonly policies?: ReadonlySet<string> | undefined;
  /** True accepts a CA certificate as the leaf. Default: false in `strict`, true in `rfc5280`. */
  readonly acceptsCa?: boolean | undefined;
  /**
   * In `rfc5280`, an anchor is a name and a key. True holds the path to the path length and the name constraints of the
   * anchor's certificate, too (RFC 5937). `strict` always checks all of it.
   */
  readonly anchorConstraints?: boolean | undefined;
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
  const isStrict = requirements.profile !== 'rfc5280';
  const certificates = path.slice(0, -1);
  const bindsAnchor = isStrict || requirements.anchorConstraints === true;
  const { flaw } = path.at(-1) as PathCertificate;
  ensure(!bindsAnchor || flaw === undefined, 'bad-certificate', `the trust anchor cannot be read: ${flaw}`);
  for (const certificate of isStrict ? path : certificates) assertUsable(certificate, requirements);
  if (isStrict) assertStrict(path, requirements);
  assertLeaf(path[0] as PathCertificate, requirements);
  certificates.slice(1).forEach(assertCa);
  const binding = bindsAnchor ? path : certificates;
  binding.forEach(({ contents }, index) => assertPathLength(contents, path.slice(1, index)));
  assertConstraints(path, binding, budget);
  return checkPolicies(certificates, requirements);
}

/** Checks that apply to every certificate (RFC 5280 §6.1.3 (a), §6.1.4 (o)), and the purpose. */
function assertUsable({ contents, unknownCritical }: PathCertificate, { atMs, purpose }: PathRequirements): void {
  const { serial, extendedKeyUsage } = contents;
  ensure(unknownCritical.length === 0, 'bad-certificate', `critical extension ${unknownCritical[0]} is not processed`);
  // Times are whole seconds, and both ends are included (RFC 5280 §4.1.2.5).
  const nowMs = Math.floor(atMs / 1000) * 1000;
  const isValid = nowMs >= contents.notBeforeMs && nowMs <= contents.notAfterMs;
  ensure(isValid, 'certificate-expired', `certificate ${serial} is not valid at ${new Date(atMs).toISOString()}`);
  if (purpose === undefined || extendedKeyUsage === undefined) return;
  const allows = extendedKeyUsage.includes(purpose) || extendedKeyUsage.includes(PurposeOid.any);
  ensure(allows, 'bad-certificate', `certificate ${serial} is not for purpose ${purpose}`);
}

function assertLeaf(leaf: PathCertificate, requirements: PathRequirements): void {
  const { profile, acceptsCa = profile === 'rfc5280', keyUsage: uses = [] } = requirements;
  const { isCa, keyUsage } = leaf.contents;
  ensure(acceptsCa || !isCa, 'bad-certificate', 'the leaf is a CA certificate');
  const refused = uses.find((use) => keyUsage?.has(use) === false);
  ensure(refused === undefined, 'bad-certificate', `the certificate does not permit ${refused}`);
  assertPeer(leaf, requirements);
}

/** Checks that apply to a CA (RFC 5280 §6.1.4 (k), (n)). */
function assertCa({ contents }: PathCertificate): void {
  const { serial, isCa, keyUsage } = contents;
  ensure(isCa, 'bad-certificate', `certificate ${serial} is not a CA's`);
  const signs = keyUsage === undefined || keyUsage.has('keyCertSign');
  ensure(signs, 'bad-certificate', `certificate ${serial} may not sign certificates`);
}

/** Checks the number of CAs `below` a CA (RFC 5280 §6.1.4 (l), (m)). */
function assertPathLength(
  { serial, pathLength }: PathCertificate['contents'],
  below: readonly PathCertificate[],
): void {
  const depth = below.filter(({ isSelfIssued }) => !isSelfIssued).length;
  ensure(pathLength === undefined || depth <= pathLength, 'bad-certificate', `too many CAs below ${serial}`);
}

/** Holds the names of each certificate to the constraints of every `binding` CA above it (RFC 5280 §6.1.3 (b), (c)). */
function assertConstraints(
  path: readonly PathCertificate[],
  binding: readonly PathCertificate[],
  budget: Budget,
): void {
  path.forEach((certificate, index) => {
    if (certificate.isSelfIssued && index > 0) return;
    const names = allNames(certificate);
    for (const { nameConstraints } of binding.slice(index + 1)) {
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
  const state = new PathPolicies(certificates.length, requirements);
  for (let index = certificates.length - 1; index >= 0; index--) {
    const { policies, isSelfIssued } = certificates[index] as PathCertificate;
    state.process(policies, isSelfIssued, index === 0);
    if (index > 0) state.prepareNext(policies, isSelfIssued);
  }
  return state.finish((certificates[0] as PathCertificate).policies, requirements.policies);
}
