import { decodeError, ensure } from '../../core/errors.ts';
import { type DerReader, readSingle } from '../der/der-reader.ts';
import { type GeneralName, parseGeneralName } from './general-name.ts';
import { isDomainName } from './host-name.ts';
import { isWithin } from './relative-names.ts';

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

/** The remaining comparisons of a validation. Using it up throws `bad-certificate`. */
export interface Budget {
  comparisons: number;
}

/**
 * Holds names to the constraints of a CA above them. Throws `bad-certificate` for a name that is outside the permitted
 * or within the excluded subtrees, or that has a constrained form that cannot be compared.
 */
export function assertNamesAllowed(
  { permitted, excluded }: NameConstraints,
  names: readonly GeneralName[],
  budget: Budget,
): void {
  budget.comparisons -= names.length * (permitted.length + excluded.length);
  ensure(budget.comparisons >= 0, 'bad-certificate', 'too many names and constraints to compare');
  for (const name of names) {
    const bases = permitted.filter((base) => base.kind === name.kind);
    const isPermitted = bases.length === 0 || bases.some((base) => isIn(name, base, false));
    ensure(isPermitted, 'bad-certificate', `a ${name.kind} name is outside its issuer's permitted names`);
    const isExcluded = excluded.some((base) => base.kind === name.kind && isIn(name, base, true));
    ensure(!isExcluded, 'bad-certificate', `a ${name.kind} name is among its issuer's excluded names`);
  }
}

/**
 * Returns true for a name in a subtree. With `orMayBe`, a wildcard name also matches if one of its hosts is in the
 * subtree.
 */
function isIn(name: GeneralName, base: GeneralName, orMayBe: boolean): boolean {
  if (name.kind === 'dns' && base.kind === 'dns') return isDomainIn(name.value, base.value, orMayBe);
  if (name.kind === 'email' && base.kind === 'email') return isMailboxIn(name.value, base.value);
  if (name.kind === 'uri' && base.kind === 'uri') return isHostIn(hostOf(name.value), base.value);
  if (name.kind === 'ip' && base.kind === 'ip') return isAddressIn(name.value, base.value);
  if (name.kind === 'directory' && base.kind === 'directory') return isWithin(name.value, base.value);
  // Names of other forms cannot be compared. They are outside every permitted and within every excluded subtree.
  return orMayBe && name.value === base.value;
}

function isDomainIn(name: string, base: string, orMayBe: boolean): boolean {
  const domain = name.toLowerCase();
  const within = base.toLowerCase();
  if (within === '' || domain === within || domain.endsWith(`.${within}`)) return true;
  // `*.example.com` stands for `bar.example.com` too.
  return orMayBe && domain.startsWith('*.') && within.slice(within.indexOf('.')) === domain.slice(1);
}

function isMailboxIn(mailbox: string, base: string): boolean {
  const at = mailbox.lastIndexOf('@');
  const host = mailbox.slice(at + 1).toLowerCase();
  const baseAt = base.lastIndexOf('@');
  if (baseAt < 0) return isHostIn(host, base);
  return mailbox.slice(0, at) === base.slice(0, baseAt) && host === base.slice(baseAt + 1).toLowerCase();
}

/** A base with a leading period covers the hosts below it; one without covers that host alone. */
function isHostIn(host: string | undefined, base: string): boolean {
  if (host === undefined) return false;
  const within = base.toLowerCase();
  return within.startsWith('.') ? host.endsWith(within) && host.length > within.length : host === within;
}

function hostOf(uri: string): string | undefined {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(uri)?.[1];
  const host = authority
    ?.slice(authority.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .toLowerCase();
  return host !== undefined && isDomainName(host) ? host : undefined;
}

function isAddressIn(address: Uint8Array, network: Uint8Array): boolean {
  if (network.length !== 2 * address.length) return false;
  return address.every((byte, i) => {
    const mask = network[address.length + i] ?? 0;
    return (byte & mask) === ((network[i] ?? 0) & mask);
  });
}
