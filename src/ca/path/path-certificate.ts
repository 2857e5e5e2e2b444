import { decodeError, GlasskeyError } from '../../core/errors.ts';
import {
  type CertificateContents,
  type ForeignCertificate,
  parseForeignCertificate,
  parseTrustAnchor,
} from '../certificate.ts';
import type { RawExtension } from '../certificate-extensions.ts';
import { readSingle } from '../der/der-reader.ts';
import { ExtensionOid } from '../der/oids.ts';
import { withCode } from '../der/with-code.ts';
import type { VerificationKey } from '../public-key.ts';
import { type GeneralName, parseGeneralNames } from './general-name.ts';
import { type NameConstraints, parseNameConstraints } from './name-constraints.ts';
import {
  type CertificatePolicies,
  parseInhibitAnyPolicy,
  parsePolicies,
  parsePolicyConstraints,
  parsePolicyMappings,
} from './policies.ts';
import { parseRelativeNames, type RelativeNames, sameNames } from './relative-names.ts';

/** A certificate with everything that path validation needs (RFC 5280 §6.1). Nothing in it is verified. */
export interface PathCertificate {
  readonly contents: CertificateContents<VerificationKey>;
  /** Undefined for a trust anchor, whose signature is not verified. */
  readonly signed: ForeignCertificate | undefined;
  readonly subject: RelativeNames;
  readonly issuer: RelativeNames;
  /** True if subject and issuer are the same name. */
  readonly isSelfIssued: boolean;
  /** Names of the subjectAltName extension; empty if it is missing. */
  readonly names: readonly GeneralName[];
  readonly nameConstraints: NameConstraints | undefined;
  readonly policies: CertificatePolicies;
  /** True if the AKI contains the issuer's name and serial number. */
  readonly authorityIsNamed: boolean;
  readonly isCritical: (oid: string) => boolean;
  /** Critical extensions that path validation does not process. */
  readonly unknownCritical: readonly string[];
  /** The reason why a trust anchor's extensions cannot be read; they count as missing then. */
  readonly flaw: string | undefined;
}

/**
 * The rules of a validation. `strict`: what a careful CA issues, as x509-limbo asks. `rfc5280`: what RFC 5280 §6.1
 * makes a validator check; a CA's duties in §4 are no reason to refuse.
 */
export type PathProfile = 'strict' | 'rfc5280';

/** Extensions that path validation processes in addition to those of {@link ParsedCertificate}. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  ExtensionOid.nameConstraints,
  ExtensionOid.certificatePolicies,
  ExtensionOid.policyMappings,
  ExtensionOid.policyConstraints,
  ExtensionOid.inhibitAnyPolicy,
]);

/** Reads an untrusted certificate for path validation. Throws `bad-certificate`, `weak-key`. */
export function parsePathCertificate(der: Uint8Array, profile: PathProfile = 'strict'): PathCertificate {
  const signed = parseForeignCertificate(der, profile === 'rfc5280');
  return withCode('bad-certificate', 'certificate', () => complete(signed, signed));
}

/**
 * Reads a trust anchor for path validation, if need be without its extensions. Throws `bad-certificate`, `weak-key`.
 */
export function parsePathAnchor(der: Uint8Array): PathCertificate {
  const { contents, flaw } = parseTrustAnchor(der);
  return withCode('bad-certificate', 'trust anchor', () => {
    if (flaw !== undefined) return { ...complete(contents, undefined), flaw };
    try {
      return complete(contents, undefined);
    } catch (error) {
      if (!(error instanceof GlasskeyError)) throw error;
      return { ...complete({ ...contents, rawExtensions: [] }, undefined), flaw: error.message };
    }
  });
}

function complete(
  contents: CertificateContents<VerificationKey>,
  signed: ForeignCertificate | undefined,
): PathCertificate {
  const extensions = new Map(contents.rawExtensions.map((one) => [one.oid, one]));
  const read = <T>(oid: string, parse: (value: Uint8Array) => T): T | undefined => {
    const extension = extensions.get(oid);
    return extension === undefined ? undefined : parse(extension.value);
  };
  const subject = parseRelativeNames(contents.subject.der);
  const issuer = parseRelativeNames(contents.issuer.der);
  return {
    contents,
    signed,
    subject,
    issuer,
    isSelfIssued: sameNames(subject, issuer),
    names: read(ExtensionOid.subjectAltName, parseGeneralNames) ?? [],
    nameConstraints: read(ExtensionOid.nameConstraints, parseNameConstraints),
    policies: readPolicies(read),
    authorityIsNamed: read(ExtensionOid.authorityKeyIdentifier, namesAuthority) ?? false,
    isCritical: (oid) => extensions.get(oid)?.critical ?? false,
    unknownCritical: unknownCritical(contents.rawExtensions, contents.unknownCritical),
    flaw: undefined,
  };
}

function readPolicies(read: <T>(oid: string, parse: (value: Uint8Array) => T) => T | undefined): CertificatePolicies {
  const constraints = read(ExtensionOid.policyConstraints, parsePolicyConstraints);
  return {
    policies: read(ExtensionOid.certificatePolicies, parsePolicies),
    mappings: read(ExtensionOid.policyMappings, parsePolicyMappings) ?? new Map(),
    requireExplicitPolicy: constraints?.requireExplicitPolicy,
    inhibitPolicyMapping: constraints?.inhibitPolicyMapping,
    inhibitAnyPolicy: read(ExtensionOid.inhibitAnyPolicy, parseInhibitAnyPolicy),
  };
}

/** Returns true if an authorityKeyIdentifier has more than a key identifier (RFC 5280 §4.2.1.1). */
function namesAuthority(value: Uint8Array): boolean {
  const reader = readSingle(value).values;
  reader.optional(0x80);
  const issuer = reader.optional(0xa1);
  const serial = reader.optional(0x82);
  if (!reader.done) throw decodeError('bad authorityKeyIdentifier');
  return issuer !== undefined || serial !== undefined;
}

function unknownCritical(extensions: readonly RawExtension[], unknown: readonly string[]): readonly string[] {
  return extensions.filter(({ oid }) => unknown.includes(oid) && !UNDERSTOOD.has(oid)).map(({ oid }) => oid);
}
