import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { DerTag } from './der-reader.ts';

/** One DER value: the tag, the length in the fewest octets, and the parts as contents (X.690 §8.1). */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return derOf(tag, parts);
}

/** Like {@link der}, for any number of parts. Throws RangeError from 2^32 bytes of contents on. */
export function derOf(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const header = encodeHeader(tag, length);
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  let offset = header.length;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function encodeHeader(tag: number, length: number): number[] {
  if (length < 0x80) return [tag, length];
  if (length >= 2 ** 32) throw new RangeError('DER value too large');
  const octets: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256);
  return [tag, 0x80 | octets.length, ...octets];
}

/** A SEQUENCE of encoded values. */
export function derSequence(...parts: readonly Uint8Array[]): Uint8Array {
  return derOf(DerTag.sequence, parts);
}

/** A non-negative INTEGER from its big-endian magnitude. */
export function derUnsigned(magnitude: Uint8Array): Uint8Array {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start += 1;
  const trimmed = magnitude.subarray(start);
  const padded = trimmed.length === 0 || (trimmed[0] ?? 0) >= 0x80;
  return der(DerTag.integer, ...(padded ? [Uint8Array.of(0), trimmed] : [trimmed]));
}

/** A BIT STRING of whole octets. */
export function derBitString(bytes: Uint8Array): Uint8Array {
  return der(DerTag.bitString, Uint8Array.of(0), bytes);
}

/**
 * Encodes `timeMs`, cut to whole seconds, as a `Time` (RFC 5280 §4.1.2.5): UTCTime before 2050, GeneralizedTime from
 * then on.
 */
export function derTime(timeMs: number): Uint8Array {
  const iso = new Date(timeMs).toISOString();
  if (iso.length !== 24) throw new RangeError('a time outside the years 0 to 9999');
  const digits = `${iso.slice(0, 19).replace(/[-T:]/g, '')}Z`;
  const year = Number(iso.slice(0, 4));
  if (year < 1950) throw new RangeError('a time before 1950');
  return year < 2050
    ? der(DerTag.utcTime, encodeUtf8(digits.slice(2)))
    : der(DerTag.generalizedTime, encodeUtf8(digits));
}

const ENCODED_OIDS = new Map<string, Uint8Array>();

/**
 * Encodes an OBJECT IDENTIFIER from its dotted form. Every result is cached, so pass only identifiers from code or
 * configuration.
 */
export function derOid(dotted: string): Uint8Array {
  const known = ENCODED_OIDS.get(dotted);
  if (known !== undefined) return known;
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift(0x80 | (left % 128));
    octets.push(...groups);
  }
  const encoded = der(DerTag.oid, Uint8Array.from(octets));
  ENCODED_OIDS.set(dotted, encoded);
  return encoded;
}
