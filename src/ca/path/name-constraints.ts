import { decodeError, ensure } from '../../core/errors.ts';
import { type DerReader, readSingle } from '../der/der-reader.ts';
import { type GeneralName, parseGeneralName } from './general-name.ts';
import { isDomainName } from './host-name.ts';
import { placeOf } from './match-name.ts';

/** Restrictions by a CA on the names of all certificates below it (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  /** A name must be in one of these, if any is of its kind. */
  readonly permitted: readonly GeneralName[];
  /** A name must be in none of these. */
  readonly excluded: readonly GeneralName[];
}

/** Most subtrees of one kind in an extension. */
export const MAX_SUBTREES = 1_024;

/**
 * Reads the value of a nameConstraints extension (untrusted): at least one subtree, each with a well-formed base and
 * without minimum and maximum. Throws `malformed-encoding`.
 */
export function parseNameConstraints(value: Uint8Array): NameConstraints {
  const reader = readSingle(value).values;
  const permitted = parseSubtrees(reader, 0xa0);
  const excluded = parseSubtrees(reader, 0xa1);
  reader.end();
  if (permitted.length + excluded.length === 0) throw decodeError('name constraints without a subtree');
  return { permitted, excluded };
}

function parseSubtrees(reader: DerReader, tag: number): GeneralName[] {
  const subtrees = reader.optional(tag)?.values;
  const bases: GeneralName[] = [];
  if (subtrees === undefined) return bases;
  while (!subtrees.done) {
    if (bases.length === MAX_SUBTREES) throw decodeError('too many subtrees');
    const subtree = subtrees.enter();
    const base = parseGeneralName(subtree.read());
    subtree.end();
    assertBase(base);
    bases.push(base);
  }
  return bases;
}

function assertBase(base: GeneralName): void {
  const { kind, value } = base;
  if (kind === 'dns') assertDecoded(value === '' || isDomainName(value), 'a constraint on domain names');
  if (kind === 'email') assertDecoded(isEmailBase(value), 'a constraint on mail addresses');
  if (kind === 'uri') assertDecoded(isUriBase(value), 'a constraint on URIs');
  if (kind === 'ip') assertDecoded(isNetwork(value), 'a constraint on addresses');
}

function assertDecoded(condition: boolean, what: string): void {
  if (!condition) throw decodeError(`${what} that is not well-formed`);
}

/** Returns true for a host, or a domain that begins with a period. */
export function isUriBase(base: string): boolean {
  return isDomainName(base.replace(/^\./, ''));
}

/** Returns true for a mailbox, a host, or a domain that begins with a period. */
export function isEmailBase(base: string): boolean {
  const at = base.lastIndexOf('@');
  const local = base.slice(0, Math.max(at, 0));
  const domain = at >= 0 ? base.slice(at + 1) : base.replace(/^\./, '');
  return (at < 0 || (local.length > 0 && !local.includes('@'))) && isDomainName(domain);
}

/** Returns true for an address and a contiguous mask. */
function isNetwork(value: Uint8Array): boolean {
  if (value.length !== 8 && value.length !== 32) return false;
  const bits = [...value.subarray(value.length / 2)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits);
}

/** Most comparisons of names with subtrees in one validation: an attacker controls both lists. */
export const MAX_COMPARISONS = 250_000;

/** The remaining comparisons of a validation, whichever paths it tries. Using it up throws `bad-certificate`. */
export interface Budget {
  comparisons: number;
}

/**
 * Holds names to the constraints of a CA above them. Throws `bad-certificate` for a name that is not known to be within
 * the permitted subtrees of its form, if there are any, and outside the excluded ones.
 */
export function assertNamesAllowed(
  { permitted, excluded }: NameConstraints,
  names: readonly GeneralName[],
  budget: Budget,
): void {
  budget.comparisons -= names.length * (permitted.length + excluded.length);
  ensure(budget.comparisons >= 0, 'bad-certificate', 'too many names and constraints to compare');
  for (const name of names) {
    const permitting = permitted.filter(({ kind }) => kind === name.kind);
    const isPermitted = permitting.length === 0 || permitting.some((base) => placeOf(name, base) === 'in');
    ensure(isPermitted, 'bad-certificate', `a ${name.kind} name is not within its issuer's permitted names`);
    const places = excluded.filter(({ kind }) => kind === name.kind).map((base) => placeOf(name, base));
    ensure(!places.includes('in'), 'bad-certificate', `a ${name.kind} name is among its issuer's excluded names`);
    const isComparable = !places.includes('unknown');
    ensure(isComparable, 'bad-certificate', `a ${name.kind} name cannot be compared with its issuer's excluded names`);
  }
}
