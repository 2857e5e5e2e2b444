import { ensure, GlasskeyError } from '../core/errors.ts';
import type { AlternativeName } from './alternative-names.ts';
import type { CertificateContents } from './certificate.ts';
import { ExtensionOid } from './der/oids.ts';
import { parseGeneralNames } from './path/general-name.ts';
import {
  assertNamesAllowed,
  type Budget,
  MAX_COMPARISONS,
  type NameConstraints,
  parseNameConstraints,
} from './path/name-constraints.ts';
import { withCode } from './der/with-code.ts';

/**
 * Throws `forbidden` if the issuer's name constraints (RFC 5280 §4.2.1.10) exclude the name: every program that checks
 * them would refuse the certificate. Throws `bad-certificate` for constraints on other kinds of names.
 */
export function assertMayCertify(issuer: CertificateContents, san: AlternativeName): void {
  const constraints = constraintsOf(issuer);
  if (constraints === undefined) return;
  try {
    assertNamesAllowed(constraints, [{ kind: san.kind, value: san.value }], { comparisons: MAX_COMPARISONS });
  } catch (cause) {
    throw new GlasskeyError('forbidden', 'the issuing CA must not certify this name', { cause });
  }
}

/**
 * Holds a certificate to the name constraints of a CA above it. Processes constraints on mail addresses and URIs only,
 * and accepts no mail address in the subject. Spends `budget`. Throws `bad-certificate`.
 */
export function assertConstraintsHold(issuer: CertificateContents, below: CertificateContents, budget: Budget): void {
  const constraints = constraintsOf(issuer);
  if (constraints === undefined) return;
  const { emailAddresses } = below.subject;
  ensure(
    emailAddresses.length === 0,
    'bad-certificate',
    'a certificate below a constrained CA has a mail address in its subject',
  );
  const san = below.rawExtensions.find(({ oid }) => oid === ExtensionOid.subjectAltName);
  const names = withCode('bad-certificate', 'certificate', () =>
    san === undefined ? [] : parseGeneralNames(san.value),
  );
  assertNamesAllowed(constraints, names, budget);
}

function constraintsOf({ rawExtensions, serial }: CertificateContents): NameConstraints | undefined {
  const extension = rawExtensions.find(({ oid }) => oid === ExtensionOid.nameConstraints);
  if (extension === undefined) return undefined;
  return withCode('bad-certificate', `CA ${serial}`, () => {
    const constraints = parseNameConstraints(extension.value);
    const known = [...constraints.permitted, ...constraints.excluded].every(
      ({ kind }) => kind === 'email' || kind === 'uri',
    );
    ensure(known, 'bad-certificate', 'only name constraints on mail addresses and URIs are processed');
    return constraints;
  });
}
