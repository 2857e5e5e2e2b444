import { decodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { decodeError } from '../../core/errors.ts';
import { type DerElement, DerReader, DerTag } from './der-reader.ts';

/** Reads a non-negative INTEGER without its leading zero octet. Untrusted. Throws `malformed-encoding`. */
export function readUnsigned(reader: DerReader, maxBytes: number): Uint8Array {
  const { content } = reader.read(DerTag.integer);
  const [first, second] = content;
  if (first === undefined) throw decodeError('INTEGER without contents');
  if ((first & 0x80) !== 0) throw decodeError('negative INTEGER');
  if (first === 0 && second !== undefined && second < 0x80) throw decodeError('INTEGER not in its shortest form');
  const magnitude = first === 0 ? content.subarray(1) : content;
  if (magnitude.length > maxBytes) throw decodeError(`INTEGER of more than ${maxBytes} bytes`);
  return magnitude;
}

const MAX_SERIAL_BYTES = 20;

/**
 * Reads any serial number of at most 20 bytes as hex without leading zero bytes: '' for 0, and '-' before the two's
 * complement of a negative one, which RFC 5280 §4.1.2.2 asks to tolerate. Untrusted. Throws `malformed-encoding`.
 */
export function readSerial(reader: DerReader): string {
  const { raw, content } = reader.read(DerTag.integer);
  if (!isNegative(content)) return formatHex(readUnsigned(new DerReader(raw), MAX_SERIAL_BYTES));
  if (content.length > MAX_SERIAL_BYTES) throw decodeError(`INTEGER of more than ${MAX_SERIAL_BYTES} bytes`);
  if (content[0] === 0xff && isNegative(content.subarray(1))) throw decodeError('INTEGER not in its shortest form');
  return `-${formatHex(content)}`;
}

function isNegative(content: Uint8Array): boolean {
  return ((content[0] ?? 0) & 0x80) !== 0;
}

/** Reads an INTEGER from 0 to 2^31-1. Untrusted. Throws `malformed-encoding`. */
export function readSmallUnsigned(reader: DerReader): number {
  let value = 0;
  for (const byte of readUnsigned(reader, 4)) value = value * 256 + byte;
  if (value > 0x7fffffff) throw decodeError('INTEGER too large');
  return value;
}

/** Reads a BOOLEAN: 0x00 or 0xff (X.690 §11.1). Untrusted. Throws `malformed-encoding`. */
export function readBoolean(reader: DerReader): boolean {
  const { content } = reader.read(DerTag.boolean);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw decodeError('BOOLEAN not DER');
  return content[0] === 0xff;
}

/** Reads a BIT STRING of whole octets. Untrusted. Throws `malformed-encoding`. */
export function readOctetAlignedBits(reader: DerReader): Uint8Array {
  const { content } = reader.read(DerTag.bitString);
  if (content[0] !== 0) throw decodeError('BIT STRING that is not whole octets');
  return content.subarray(1);
}

/**
 * Reads a named-bit BIT STRING (X.690 §11.2.2) of at most 16 bits: bit i of the result is named bit i. `lenient`
 * accepts trailing zero bits, which DER drops. Untrusted. Throws `malformed-encoding`.
 */
export function readNamedBits(reader: DerReader, lenient = false): number {
  const { content } = reader.read(DerTag.bitString);
  const [unused, ...octets] = content;
  const last = octets.at(-1);
  if (unused === undefined || unused > 7 || octets.length > 2) throw decodeError('BIT STRING of a wrong length');
  const end = (last ?? 0) & ((1 << (unused + 1)) - 1);
  const isShortest = last === undefined ? unused === 0 : end === 1 << unused;
  const isTolerated = lenient && last !== undefined && end === 0;
  if (!isShortest && !isTolerated) throw decodeError('BIT STRING not in its shortest form');
  let bits = 0;
  for (let i = 0; i < octets.length * 8; i++) if (((octets[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0) bits |= 1 << i;
  return bits;
}

const MAX_OID_BYTES = 64;
/** Caches dotted identifiers by their contents: certificates are many, but identifiers are few. */
const OID_TEXTS = new Map<string, string>();
const MAX_OID_TEXTS = 256;

/** Reads an OBJECT IDENTIFIER in dotted form, arcs below 2^48. Untrusted. Throws `malformed-encoding`. */
export function readOid(reader: DerReader): string {
  const { content } = reader.read(DerTag.oid);
  if (content.length === 0 || content.length > MAX_OID_BYTES) throw decodeError('OBJECT IDENTIFIER of a wrong length');
  const key = String.fromCharCode(...content);
  const known = OID_TEXTS.get(key);
  if (known !== undefined) return known;
  const text = oidText(content);
  if (OID_TEXTS.size < MAX_OID_TEXTS) OID_TEXTS.set(key, text);
  return text;
}

function oidText(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  let starts = true;
  for (const byte of content) {
    if (starts && byte === 0x80) throw decodeError('OBJECT IDENTIFIER not in its shortest form');
    arc = arc * 128 + (byte & 0x7f);
    if (arc >= 2 ** 48) throw decodeError('OBJECT IDENTIFIER with an arc too large');
    starts = (byte & 0x80) === 0;
    if (!starts) continue;
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  if (!starts) throw decodeError('truncated OBJECT IDENTIFIER');
  return arcs.join('.');
}

/** Decodes contents as UTF-8 text. Untrusted. Throws `malformed-encoding`. */
export function utf8Text(content: Uint8Array): string {
  try {
    return decodeUtf8(content);
  } catch (error) {
    throw decodeError('invalid UTF-8', error);
  }
}

/**
 * Decodes ASCII text without control characters, as in rfc822Name and URI (IA5String). Untrusted. Throws
 * `malformed-encoding`.
 */
export function asciiText(content: Uint8Array): string {
  for (const byte of content) if (byte < 0x20 || byte > 0x7e) throw decodeError('text beyond printable ASCII');
  return decodeUtf8(content);
}

const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/**
 * Reads a `Time` (RFC 5280 §4.1.2.5) as ms since the epoch: UTCTime for 1950 to 2049, GeneralizedTime after (`lenient`:
 * of any year), both with seconds and in Z. Untrusted. Throws `malformed-encoding`.
 */
export function readTime(reader: DerReader, lenient = false): number {
  const element = reader.read();
  const fields = timeFields(element);
  if (!lenient && element.tag === DerTag.generalizedTime && fields[0] < 2050)
    throw decodeError('GeneralizedTime before 2050');
  return timeMsOf(fields);
}

/**
 * Reads a GeneralizedTime of any year, with seconds and in Z, as ms since the epoch (RFC 6960 §4.2.2.1). Untrusted.
 * Throws `malformed-encoding`.
 */
export function readGeneralizedTime(reader: DerReader): number {
  return timeMsOf(timeFields(reader.read(DerTag.generalizedTime)));
}

type TimeFields = readonly [number, number, number, number, number, number];

function timeMsOf([year, month, day, hour, minute, second]: TimeFields): number {
  const timeMs = Date.UTC(year, month - 1, day, hour, minute, second);
  const shown = new Date(timeMs);
  const exact = shown.getUTCMonth() === month - 1 && shown.getUTCDate() === day && hour < 24 && minute < 60;
  if (!exact || second > 59) throw decodeError('a date that does not exist');
  return timeMs;
}

function timeFields({ tag, content }: DerElement): TimeFields {
  if (content.length > 15) throw decodeError('Time too long');
  const short = tag === DerTag.utcTime;
  if (!short && tag !== DerTag.generalizedTime) throw decodeError('not a Time');
  const match = (short ? UTC_TIME : GENERALIZED_TIME).exec(asciiText(content));
  if (match === null) throw decodeError('bad Time');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  if (short) return [year < 50 ? 2000 + year : 1900 + year, month, day, hour, minute, second];
  return [year, month, day, hour, minute, second];
}
