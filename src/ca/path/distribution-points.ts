import { formatHex } from '../../core/encoding/bytes.ts';
import { decodeError } from '../../core/errors.ts';
import { DerReader, DerTag, readSingle } from '../der/der-reader.ts';
import { readNamedBits } from '../der/der-values.ts';
import { nameKey, parseGeneralName } from './general-name.ts';
import { parseRelativeName, type RelativeNames } from './relative-names.ts';

/** A place where a certificate's issuer publishes a CRL (RFC 5280 §4.2.1.13). */
export interface DistributionPoint {
  /** The point's names, in comparable form; undefined if it has none. */
  readonly names: readonly string[] | undefined;
  /** The reasons that its CRL covers, as bits. */
  readonly reasons: number;
  /** The issuers of the CRL; undefined if it is the certificate's. */
  readonly crlIssuers: readonly RelativeNames[] | undefined;
}

/** Bits 1 to 8 of ReasonFlags: every reason there is. */
export const ALL_REASONS = 0b1_1111_1110;

const MAX_POINTS = 64;
const MAX_NAMES = 64;

/**
 * Reads the value of a cRLDistributionPoints extension (untrusted) in a certificate by `issuer`. Throws
 * `malformed-encoding`.
 */
export function parseDistributionPoints(value: Uint8Array, issuer: RelativeNames): readonly DistributionPoint[] {
  const points = readSingle(value).values;
  const found: DistributionPoint[] = [];
  do {
    if (found.length === MAX_POINTS) throw decodeError('too many distribution points');
    found.push(readPoint(points.enter(), issuer));
  } while (!points.done);
  return found;
}

function readPoint(point: DerReader, issuer: RelativeNames): DistributionPoint {
  const name = point.optional(0xa0)?.values;
  const reasons = point.optional(0x81)?.content;
  const crlIssuer = point.optional(0xa2)?.values;
  point.end();
  if (name === undefined && crlIssuer === undefined) throw decodeError('a distribution point without a name');
  const crlIssuers = crlIssuer && readDirectoryNames(crlIssuer);
  return {
    names: name && readPointName(name, crlIssuers?.[0] ?? issuer),
    reasons: reasons === undefined ? ALL_REASONS : readReasons(reasons),
    crlIssuers,
  };
}

function readDirectoryNames(reader: DerReader): RelativeNames[] {
  const found: RelativeNames[] = [];
  do {
    const name = parseGeneralName(reader.read());
    if (name.kind === 'directory') found.push(name.value);
    if (found.length > MAX_NAMES) throw decodeError('too many CRL issuers');
  } while (!reader.done);
  return found;
}

/**
 * Reads the contents of a DistributionPointName (untrusted): full names, or a name relative to that of the CRL's
 * issuer. Returns them in comparable form. Throws `malformed-encoding`.
 */
export function readPointName(reader: DerReader, crlIssuer: RelativeNames): readonly string[] {
  const { tag, values } = reader.read();
  reader.end();
  if (tag === 0xa1) return [nameKey({ kind: 'directory', value: [...crlIssuer, parseRelativeName(values)] })];
  if (tag !== 0xa0) throw decodeError('not a DistributionPointName');
  const names: string[] = [];
  do {
    if (names.length === MAX_NAMES) throw decodeError('too many names of a distribution point');
    const element = values.read();
    const read = parseGeneralName(element);
    // Forms that are not read in full are the same only byte for byte.
    names.push(read.kind === 'other' ? `other:${formatHex(element.raw)}` : nameKey(read));
  } while (!values.done);
  return names;
}

/** Reads the contents of an implicitly tagged ReasonFlags (untrusted). Throws `malformed-encoding`. */
export function readReasons(content: Uint8Array): number {
  return readNamedBits(new DerReader(Uint8Array.of(DerTag.bitString, content.length, ...content)), true) & ALL_REASONS;
}
