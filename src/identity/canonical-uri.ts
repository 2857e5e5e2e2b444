import { canonicalDomain } from './canonical-domain.ts';
import { canonicalName, refusal } from './name-characters.ts';
import { decodePercent, encodePercent } from './percent-encoding.ts';

/** Schemes for which browsers add a missing `//` (WHATWG URL special schemes). */
const WEB_SCHEMES: readonly string[] = ['file', 'ftp', 'http', 'https', 'ws', 'wss'];

/** unreserved, sub-delims, ":" and "@" (RFC 3986 §3.3 pchar), and the characters that are percent-encoded later. */
const SEGMENT = /^[A-Za-z0-9._~!$&'()*+,;=:@\u{80}-\u{10ffff}-]+$/u;

/**
 * Returns the canonical form of a URI whose lower-case scheme the configuration lists; `rest` follows `scheme:`.
 *
 * Applies RFC 3986 §6.2.2 and refuses everything ambiguous: user information, port, query, fragment, dot segments,
 * empty segments, encoded delimiters. Letters beyond ASCII become percent-encoded UTF-8 of their NFC. Case stays,
 * except in the host, a URN's namespace and a UUID. A path of one slash is dropped. The result is ASCII. Throws
 * `invalid-identity`.
 */
export function canonicalUri(scheme: string, rest: string): string {
  if (/[?#]/.test(rest)) throw refusal('has a query or a fragment');
  if (rest.startsWith('//')) return `${scheme}://${canonicalHierarchy(rest.slice(2))}`;
  if (WEB_SCHEMES.includes(scheme)) throw refusal('has no // after its scheme');
  if (rest.includes('@')) throw refusal('has an @ that does not separate user and host in this scheme');
  const opaque = canonicalPath(rest);
  if (scheme === 'urn') return `urn:${canonicalUrn(opaque)}`;
  if (scheme === 'did' && !/^[a-z0-9]+:./.test(opaque)) throw refusal('has no lower-case DID method');
  return `${scheme}:${opaque}`;
}

function canonicalHierarchy(text: string): string {
  const slash = text.indexOf('/');
  const authority = slash < 0 ? text : text.slice(0, slash);
  const path = slash < 0 ? '' : text.slice(slash + 1);
  if (/[@:[\]%]/.test(authority)) throw refusal('has user information, a port or an address for a host');
  const host = canonicalDomain(authority);
  return path === '' ? host : `${host}/${canonicalPath(path)}`;
}

function canonicalPath(path: string): string {
  return path.split('/').map(canonicalSegment).join('/');
}

function canonicalSegment(typed: string): string {
  const segment = canonicalName(decodePercent(typed), { fold: false });
  if (segment === '') throw refusal('has an empty path segment');
  if (segment === '.' || segment === '..') throw refusal('has a dot segment');
  if (!SEGMENT.test(segment)) throw refusal('has a character that is not allowed in a URI');
  return encodePercent(segment);
}

/** A URN's namespace (RFC 8141 §3.1) and a UUID (RFC 9562 §4) are case-insensitive. */
function canonicalUrn(text: string): string {
  const match = /^([A-Za-z0-9][A-Za-z0-9-]{0,30}[A-Za-z0-9]):(.+)$/.exec(text);
  const namespace = match?.[1]?.toLowerCase();
  const specific = match?.[2];
  if (namespace === undefined || specific === undefined) throw refusal('is not a URN');
  return `${namespace}:${namespace === 'uuid' ? specific.toLowerCase() : specific}`;
}
