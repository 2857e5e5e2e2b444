import type { GeneralName } from './general-name.ts';
import { isDomainName, isPresentedName } from './host-name.ts';
import type { RelativeName, RelativeNames } from './relative-names.ts';

/**
 * Where a name lies with regard to a subtree (RFC 5280 §4.2.1.10). `unknown` if the two cannot be compared: another
 * program could read the name as inside or as outside.
 */
export type Place = 'in' | 'out' | 'unknown';

/** Returns where `name` lies with regard to the subtree below `base`, which is of the same kind. */
export function placeOf(name: GeneralName, base: GeneralName): Place {
  if (name.kind === 'dns' && base.kind === 'dns') return placeOfDomain(name.value, base.value);
  if (name.kind === 'email' && base.kind === 'email') return placeOfMailbox(name.value, base.value);
  if (name.kind === 'uri' && base.kind === 'uri') return placeOfUri(name.value, base.value);
  if (name.kind === 'ip' && base.kind === 'ip') return placeOfAddress(name.value, base.value);
  if (name.kind === 'directory' && base.kind === 'directory') return placeOfDirectoryName(name.value, base.value);
  // The contents of names of other forms are not read, but their types are.
  return name.kind === 'other' && name.value !== base.value ? 'out' : 'unknown';
}

function placeOfDomain(name: string, base: string): Place {
  if (!isPresentedName(name)) return 'unknown';
  const domain = name.toLowerCase();
  const within = base.toLowerCase();
  if (within === '' || domain === within || domain.endsWith(`.${within}`)) return 'in';
  // `*.example.com` stands for `bar.example.com` and for hosts outside that subtree.
  const isPartlyIn = domain.startsWith('*.') && within.slice(within.indexOf('.')) === domain.slice(1);
  return isPartlyIn ? 'unknown' : 'out';
}

/** A local part without quotes (RFC 5321 §4.1.2). Only the mailbox's host can compare others. */
const DOT_STRING = /^[\w!#$%&'*+/=?^`{|}~.-]+$/;

function placeOfMailbox(mailbox: string, base: string): Place {
  const [local = '', host = '', ...more] = mailbox.split('@');
  if (local === '' || !isDomainName(host) || more.length > 0) return 'unknown';
  const baseAt = base.lastIndexOf('@');
  const place = placeOfHost(host, base.slice(baseAt + 1));
  if (baseAt < 0 || place === 'out') return place;
  const baseLocal = base.slice(0, baseAt);
  if (local === baseLocal) return 'in';
  // RFC 5280 §7.5 distinguishes case, and most mail systems do not.
  const isComparable = DOT_STRING.test(local) && DOT_STRING.test(baseLocal);
  return isComparable && local.toLowerCase() !== baseLocal.toLowerCase() ? 'out' : 'unknown';
}

/** A base with a leading period covers the hosts below it; one without covers that host alone. */
function placeOfHost(name: string, base: string): 'in' | 'out' {
  const host = name.toLowerCase();
  const within = base.toLowerCase();
  const isIn = within.startsWith('.') ? host.endsWith(within) && host.length > within.length : host === within;
  return isIn ? 'in' : 'out';
}

/**
 * The authority of a URI (RFC 3986 §3.2) with a host that may be a domain name. Stricter than programs that take a
 * backslash for a slash or allow two at signs, so that all agree on the host.
 */
const AUTHORITY =
  /^[a-z][a-z0-9+.-]*:\/\/(?:(?:[\w.~!$&'()*+,;=:-]|%[0-9a-f]{2})*@)?([a-z0-9.-]+)(?::\d*)?(?:[/?#]|$)/i;

function placeOfUri(uri: string, base: string): Place {
  const host = AUTHORITY.exec(uri)?.[1];
  if (host === undefined || !isDomainName(host)) return 'unknown';
  if (placeOfHost(host, base) === 'in') return 'in';
  // RFC 5280 §4.2.1.10 refuses a host that is not fully qualified: each program completes it in its own way.
  return host.includes('.') ? 'out' : 'unknown';
}

function placeOfAddress(address: Uint8Array, network: Uint8Array): Place {
  if (address.length !== 4 && address.length !== 16) return 'unknown';
  if (isAddressIn(address, network)) return 'in';
  // Programs connect to the same host by ::ffff:192.0.2.1 and by 192.0.2.1.
  return isAddressIn(toIpv4(address), networkToIpv4(network)) ? 'unknown' : 'out';
}

function isAddressIn(address: Uint8Array, network: Uint8Array): boolean {
  if (network.length !== 2 * address.length) return false;
  return address.every((byte, i) => {
    const mask = network[address.length + i] ?? 0;
    return (byte & mask) === ((network[i] ?? 0) & mask);
  });
}

/** Returns true if the bytes begin as an IPv4-mapped IPv6 address does (RFC 4291 §2.5.5.2). */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
}

function toIpv4(address: Uint8Array): Uint8Array {
  return address.length === 16 && isMapped(address) ? address.subarray(12) : address;
}

function networkToIpv4(network: Uint8Array): Uint8Array {
  const isOfMapped =
    network.length === 32 && isMapped(network) && network.subarray(16, 28).every((mask) => mask === 0xff);
  return isOfMapped ? Uint8Array.of(...network.subarray(12, 16), ...network.subarray(28)) : network;
}

/** The subtree of a directory name is all names that begin with it. */
function placeOfDirectoryName(name: RelativeNames, base: RelativeNames): Place {
  let place: Place = 'in';
  for (const [i, wanted] of base.entries()) {
    const one = name[i];
    if (one === undefined || !mayBeSame(one, wanted)) return 'out';
    if (one.text !== wanted.text) place = 'unknown';
  }
  return place;
}

/** Returns true unless two relative names differ by any reading: by other string types, characters or order. */
function mayBeSame(a: RelativeName, b: RelativeName): boolean {
  if (a.text === b.text) return true;
  if (a.attributes.length !== b.attributes.length) return false;
  const types = a.attributes.map(({ type }) => type);
  if (b.attributes.some(({ type }, i) => type !== types[i])) return false;
  // X.501 §9.3 gives a relative name one attribute of a type. With more of them, which belongs to which is unclear.
  if (new Set(types).size < types.length) return true;
  return a.attributes.every(({ looseText }, i) => {
    const other = b.attributes[i]?.looseText;
    return looseText === undefined || other === undefined || looseText === other;
  });
}
