import { formatHex, parseHex } from '../../core/encoding/bytes.ts';
import { decodeError, ensure } from '../../core/errors.ts';

/** Characters of the longest session description. */
const MAX_SDP = 2 ** 18;
const MAX_LINES = 2 ** 13;

/** `a=fingerprint:sha-256 AB:CD:…` (RFC 8122 §5). */
const FINGERPRINT = /^a=fingerprint:sha-256 ((?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2})$/i;
/** Anything that a lenient reader could take for a fingerprint. */
const LIKE_FINGERPRINT = /^\s*a\s*=\s*fingerprint/i;
/** A key of SRTP in the description itself (RFC 4568): whoever carries the description has it. */
const LIKE_SDES = /^\s*a\s*=\s*crypto/i;
/** Anything that a lenient reader could take for the mark of a section that another one carries (RFC 8843 §6). */
const LIKE_BUNDLE_ONLY = /^\s*a\s*=\s*bundle-only/i;
const MEDIA = /^m=[!-~]+ (\d+)(?:\/\d+)? ([!-~]+) [ -~]+$/;

interface Section {
  readonly fingerprints: readonly string[];
  /** True for a media section that says it is not used: its port is 0, and no other section carries it. */
  readonly isRejected: boolean;
}

/**
 * Returns the fingerprints in a session description (untrusted): SHA-256 of certificates, 32 bytes each, none twice.
 * Every media section has to have one of its own or of the session, and to use DTLS. Throws `malformed-encoding` for
 * anything else, such as a fingerprint by another hash.
 */
export function sdpFingerprints(sdp: string): readonly Uint8Array[] {
  const [session, ...media] = sectionsOf(sdp);
  ensure(session !== undefined && media.length > 0, 'malformed-encoding', 'a session description without media');
  const isCovered = (section: Section): boolean => section.isRejected || section.fingerprints.length > 0;
  const areCovered = session.fingerprints.length > 0 || media.every(isCovered);
  ensure(areCovered, 'malformed-encoding', 'a media section without a fingerprint');
  const all = new Set([session, ...media].flatMap(({ fingerprints }) => fingerprints));
  ensure(all.size > 0, 'malformed-encoding', 'a session description without a fingerprint');
  return [...all].map(parseHex);
}

/** Throws `call-mismatch` unless each of `found` is among `signed`. */
export function assertSignedFingerprints(found: readonly Uint8Array[], signed: readonly Uint8Array[]): void {
  const known = new Set(signed.map(formatHex));
  const isSigned = found.length > 0 && found.every((one) => known.has(formatHex(one)));
  ensure(isSigned, 'call-mismatch', 'a fingerprint that the other side of the call has not signed');
}

/**
 * Returns a session description (untrusted) if each of its fingerprints is among `signed`. Throws `call-mismatch`,
 * `malformed-encoding`.
 */
export function verifySdp(sdp: string, signed: readonly Uint8Array[]): string {
  assertSignedFingerprints(sdpFingerprints(sdp), signed);
  return sdp;
}

function sectionsOf(sdp: string): readonly Section[] {
  ensure(sdp.length <= MAX_SDP, 'malformed-encoding', 'a session description that is too long');
  const lines = sdp.split('\n').map((line) => line.replace(/\r$/, ''));
  ensure(lines.length <= MAX_LINES, 'malformed-encoding', 'a session description with too many lines');
  // Readers disagree about where a line with these ends.
  const isPlain = !/[\0\r\v\f\u0085\u2028\u2029]/.test(lines.join('\n'));
  ensure(isPlain, 'malformed-encoding', 'a session description with line breaks other than CR LF');
  const starts = [0, ...lines.flatMap((line, i) => (/^\s*m\s*=/i.test(line) ? [i] : []))];
  return starts.map((start, i) => sectionOf(lines.slice(start, starts[i + 1] ?? lines.length), i > 0));
}

function sectionOf(lines: readonly string[], isMedia: boolean): Section {
  ensure(!lines.some((line) => LIKE_SDES.test(line)), 'malformed-encoding', 'keys of SRTP in a session description');
  const fingerprints = lines.filter((line) => LIKE_FINGERPRINT.test(line)).map(fingerprintOf);
  return { fingerprints, isRejected: isMedia && isRejected(lines, fingerprints) };
}

function fingerprintOf(line: string): string {
  const [, digits] = FINGERPRINT.exec(line) ?? [];
  if (digits === undefined) throw decodeError('a fingerprint that is not of SHA-256');
  return digits.replaceAll(':', '').toLowerCase();
}

/** Throws `malformed-encoding` for a media section that is used without DTLS. */
function isRejected([first = '', ...rest]: readonly string[], fingerprints: readonly string[]): boolean {
  const [, port, protocol = ''] = MEDIA.exec(first) ?? [];
  ensure(port !== undefined, 'malformed-encoding', 'a media line that is none');
  const isUnused = Number(port) === 0 && fingerprints.length === 0 && !rest.some((line) => LIKE_BUNDLE_ONLY.test(line));
  ensure(isUnused || /(?:^|\/)D?TLS\//.test(protocol), 'malformed-encoding', 'media without DTLS');
  return isUnused;
}
