import { ensure, GlasskeyError } from '../core/errors.ts';
import type { AlternativeName } from './alternative-names.ts';
import type { CertificateContents } from './certificate.ts';
import { ExtensionOid } from './der/oids.ts';
import { type GeneralName, parseGeneralNames } from './path/general-name.ts';
import {
  assertNamesAllowed,
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
    assertAllowed(constraints, [{ kind: san.kind, value: san.value }]);
  } catch (cause) {
    throw new GlasskeyError('forbidden', 'the issuing CA must not certify this name', { cause });
  }
}

/**
 * Holds a leaf to the name constraints of a CA above it. Processes constraints on mail addresses and URIs only, and
 * accepts no mail address in the subject. Throws `bad-certificate`.
 */
export function assertConstraintsHold(issuer: CertificateContents, leaf: CertificateContents): void {
  const constraints = constraintsOf(issuer);
  if (constraints === undefined) return;
  const { emailAddresses } = leaf.subject;
  ensure(
    emailAddresses.length === 0,
    'bad-certificate',
    'a certificate below a constrained CA has a mail address in its subject',
  );
  const san = leaf.rawExtensions.find(({ oid }) => oid === ExtensionOid.subjectAltName);
  const names = withCode('bad-certificate', 'certificate', () =>
    san === undefined ? [] : parseGeneralNames(san.value),
  );
  // SmtpUTF8Mailbox values are mail addresses too (RFC 9598 §6).
  const utf8 = leaf.sans.smtpUtf8.map((value) => ({ kind: 'email', value }) as const);
  assertAllowed(constraints, [...names, ...utf8]);
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

function assertAllowed(constraints: NameConstraints, names: readonly GeneralName[]): void {
  assertNamesAllowed(constraints, names, { comparisons: MAX_COMPARISONS });
}
