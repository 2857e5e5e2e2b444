import { canonicalName, refusal } from './name-characters.ts';
import { decodePunycode, encodePunycode } from './punycode.ts';

const LDH = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const PREFIX = 'xn--';
/**
 * Letters that IDNA 2003 and 2008 read differently: accepted in an A-label, which is unambiguous, but not when typed.
 */
const DEVIATIONS = 'ßς';

/**
 * Returns the canonical form of a domain: at least two labels, lower case, A-labels (RFC 5890) beyond ASCII, at most
 * 253 bytes.
 *
 * No IDNA table decides the A-label: a label beyond ASCII must be canonical by {@link canonicalName}, and its A-label
 * is then plain Punycode. A typed A-label must decode to such a label and encode back to itself. The platform's own
 * IDNA (the WHATWG URL parser) must then agree. So runtimes with different Unicode versions may refuse different names,
 * but never produce different ones.
 *
 * Also refuses a trailing dot, IP addresses, underscores, and letters that versions of IDNA read differently. Throws
 * `invalid-identity`.
 */
export function canonicalDomain(typed: string): string {
  const labels = typed.split('.').map(canonicalDomainLabel);
  if (labels.length < 2) throw refusal('domain has fewer than two labels');
  const domain = labels.join('.');
  if (domain.length > 253) throw refusal('domain is longer than 253 bytes');
  const last = labels.at(-1) ?? '';
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(last)) throw refusal('domain ends in a number, as an IP address does');
  if (labels.some((label) => label.startsWith(PREFIX))) assertPlatformAgrees(labels);
  return domain;
}

function canonicalDomainLabel(typed: string): string {
  if (typed === '') throw refusal('domain has an empty label');
  // eslint-disable-next-line no-control-regex -- ASCII is what is meant
  const label = /^[\0-\x7f]*$/.test(typed) ? canonicalAsciiLabel(typed.toLowerCase()) : toALabel(typed);
  if (label.length > 63) throw refusal('domain label is longer than 63 bytes');
  return label;
}

function canonicalAsciiLabel(label: string): string {
  if (!LDH.test(label)) throw refusal('domain label is not letters, digits and inner hyphens');
  if (label.slice(2, 4) !== '--') return label;
  if (!label.startsWith(PREFIX) || label.length > 63)
    throw refusal('domain label has hyphens in third and fourth place');
  const decoded = decodeALabel(label);
  if (!isCanonicalULabel(decoded) || PREFIX + encodePunycode(decoded) !== label) {
    throw refusal('domain label is not a canonical A-label');
  }
  return label;
}

function toALabel(typed: string): string {
  const label = typed.normalize('NFC');
  if (Array.from(label).length > 63) throw refusal('domain label is longer than 63 bytes');
  if (Array.from(DEVIATIONS).some((letter) => label.includes(letter))) {
    throw refusal('domain holds a letter that IDNA versions read differently: write the label as xn--…');
  }
  const folded = canonicalName(label, { fold: true });
  if (!isCanonicalULabel(folded)) throw refusal('domain label is not letters, digits and inner hyphens');
  return PREFIX + encodePunycode(folded);
}

function decodeALabel(label: string): string {
  try {
    return decodePunycode(label.slice(PREFIX.length));
  } catch {
    throw refusal('domain label is not a canonical A-label');
  }
}

function isCanonicalULabel(label: string): boolean {
  const ascii = label.replaceAll(/[^\0-\x7f]/gu, 'x');
  if (ascii === label || !LDH.test(ascii) || ascii.slice(2, 4) === '--') return false;
  return canonicalName(label, { fold: true, exempt: DEVIATIONS }) === label;
}

/** Checks both forms, because some parsers check a typed label more strictly than an A-label. */
function assertPlatformAgrees(labels: readonly string[]): void {
  const domain = labels.join('.');
  const unicode = labels.map((label) => (label.startsWith(PREFIX) ? decodeALabel(label) : label)).join('.');
  if (platformHost(domain) !== domain || platformHost(unicode) !== domain)
    throw refusal('domain is not valid under IDNA');
}

function platformHost(domain: string): string | undefined {
  try {
    return new URL(`http://${domain}/`).hostname;
  } catch {
    return undefined;
  }
}
