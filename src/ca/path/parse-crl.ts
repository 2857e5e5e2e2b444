import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { decodeError, ensure } from '../../core/errors.ts';
import { parseRawExtensions } from '../certificate-extensions.ts';
import { type DerElement, DerReader, readSingle } from '../der/der-reader.ts';
import { asciiText, readOctetAlignedBits, readSmallUnsigned, readTime, readUnsigned } from '../der/der-values.ts';
import { ExtensionOid } from '../der/oids.ts';
import { parseVerifiedAlgorithm, type VerifiedAlgorithm } from '../signature-algorithm.ts';
import { withCode } from '../der/with-code.ts';
import { parseRelativeNames, type RelativeNames } from './relative-names.ts';

/** A parsed CRL (RFC 5280 §5.1), complete or a delta. Nothing in it is verified. */
export interface ParsedCrl {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: VerifiedAlgorithm;
  readonly signature: Uint8Array;
  readonly issuer: RelativeNames;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** Serial numbers, lower-case hex as in `ParsedCertificate.serial`. */
  readonly revoked: ReadonlySet<string>;
  /** Of a delta: certificates that are no longer revoked. */
  readonly removed: ReadonlySet<string>;
  readonly authorityKeyId: Uint8Array | undefined;
  readonly number: bigint;
  /** Of a delta: the number of the complete CRL that it lists changes since. */
  readonly baseNumber: bigint | undefined;
  /** The certificates of the issuer that it covers; undefined: all. */
  readonly scope: CrlCoverage | undefined;
}

/** The contents of an issuing distribution point (§5.2.5). */
export interface CrlCoverage {
  /** Covers certificates that name one of these as a distribution point; undefined covers all. */
  readonly urls: readonly string[] | undefined;
  readonly onlyUserCertificates: boolean;
  readonly onlyCaCertificates: boolean;
}

const MAX_CRL_BYTES = 16 * 2 ** 20 - 1;
const MAX_SERIAL_BYTES = 20;
const EXTENSIONS = 0xa0;

/**
 * Reads a DER CRL (untrusted): version 2, for certificates of its own issuer and all reasons, with a CRL number and the
 * time of the next one. Throws `bad-certificate`, also for a CRL of another issuer's certificates, of some reasons, or
 * of attribute certificates.
 */
export function parseCrl(der: Uint8Array): ParsedCrl {
  return withCode('bad-certificate', 'CRL', () => {
    ensure(der.length <= MAX_CRL_BYTES, 'bad-certificate', 'CRL too large');
    const outer = readSingle(der).values;
    const tbs = outer.read(0x30);
    const algorithm = outer.read(0x30);
    const signature = readOctetAlignedBits(outer);
    outer.end();
    const reader = tbs.values;
    if (readSmallUnsigned(reader) !== 1) throw decodeError('not a version 2 CRL');
    if (!equalBytes(reader.read(0x30).raw, algorithm.raw)) throw decodeError('the two signature algorithms differ');
    const issuer = parseRelativeNames(reader.read(0x30).raw);
    const thisUpdateMs = readTime(reader);
    const nextUpdateMs = readTime(reader);
    const entries = reader.nextTag === 0x30 ? readEntries(reader.enter()) : NO_ENTRIES;
    const extensions = readExtensions(reader.enter(EXTENSIONS));
    reader.end();
    const isDelta = extensions.baseNumber !== undefined;
    if (!isDelta && entries.removed.size > 0) throw decodeError('a complete CRL that removes an entry');
    const signatureAlgorithm = parseVerifiedAlgorithm(algorithm.raw);
    const times = { thisUpdateMs, nextUpdateMs };
    return { tbs: tbs.raw, signatureAlgorithm, signature, issuer, ...times, ...entries, ...extensions };
  });
}

type Entries = Pick<ParsedCrl, 'revoked' | 'removed'>;

const NO_ENTRIES: Entries = { revoked: new Set(), removed: new Set() };

/** The reason that removes an entry (§5.3.1). */
const REMOVE_FROM_CRL = 8;

function readEntries(entries: DerReader): Entries {
  const revoked = new Set<string>();
  const removed = new Set<string>();
  while (!entries.done) {
    const entry = entries.enter();
    const serial = formatHex(readUnsigned(entry, MAX_SERIAL_BYTES));
    readTime(entry);
    const extensions = entry.done ? [] : parseRawExtensions(entry.read(0x30).raw);
    entry.end();
    // A critical entry extension may refer to another issuer's certificate (RFC 5280 §5.3).
    if (extensions.some(({ critical }) => critical)) throw decodeError('a CRL entry with a critical extension');
    const reason = extensions.find(({ oid }) => oid === ExtensionOid.crlReason);
    const isRemoved = reason !== undefined && readReason(reason.value) === REMOVE_FROM_CRL;
    (isRemoved ? removed : revoked).add(serial);
  }
  return { revoked, removed };
}

function readReason(value: Uint8Array): number {
  const { content } = readSingle(value, 0x0a);
  const [reason] = content;
  if (content.length !== 1 || reason === undefined) throw decodeError('a reason of a wrong length');
  return reason;
}

/** Extensions that are processed. Any other critical extension may change the meaning of the CRL. */
const PROCESSED: ReadonlySet<string> = new Set([ExtensionOid.issuingDistributionPoint, ExtensionOid.deltaCrlIndicator]);

type Extensions = Pick<ParsedCrl, 'authorityKeyId' | 'number' | 'baseNumber' | 'scope'>;

/** Reads the extensions by RFC 5280 §5.2. */
function readExtensions(reader: DerReader): Extensions {
  const extensions = parseRawExtensions(reader.read(0x30).raw);
  reader.end();
  const critical = extensions.find((one) => one.critical && !PROCESSED.has(one.oid));
  if (critical !== undefined) throw decodeError(`critical CRL extension ${critical.oid} is not processed`);
  const valueOf = (oid: string): Uint8Array | undefined => extensions.find((one) => one.oid === oid)?.value;
  const number = valueOf(ExtensionOid.crlNumber);
  if (number === undefined) throw decodeError('a CRL without a number');
  const authority = valueOf(ExtensionOid.authorityKeyIdentifier);
  const base = valueOf(ExtensionOid.deltaCrlIndicator);
  const point = valueOf(ExtensionOid.issuingDistributionPoint);
  return {
    authorityKeyId: authority === undefined ? undefined : readSingle(authority).values.optional(0x80)?.content,
    number: readNumber(number),
    baseNumber: base && readNumber(base),
    scope: point && readDistributionPoint(point),
  };
}

function readNumber(value: Uint8Array): bigint {
  const reader = new DerReader(value);
  const number = readUnsigned(reader, MAX_SERIAL_BYTES);
  reader.end();
  return BigInt(`0x0${formatHex(number)}`);
}

function readDistributionPoint(value: Uint8Array): CrlCoverage {
  const reader = readSingle(value).values;
  const point = reader.optional(0xa0);
  const flag = (tag: number): boolean => {
    const content = reader.optional(tag)?.content;
    if (content === undefined) return false;
    // DER omits DEFAULT FALSE.
    if (content.length !== 1 || content[0] !== 0xff) throw decodeError('a flag that is not TRUE');
    return true;
  };
  const onlyUserCertificates = flag(0x81);
  const onlyCaCertificates = flag(0x82);
  const someReasons = reader.optional(0x83) !== undefined;
  const isIndirect = flag(0x84);
  const attributes = flag(0x85);
  reader.end();
  if (someReasons || isIndirect || attributes)
    throw decodeError('a CRL for only some reasons, for other issuers, or for attribute certificates');
  return { urls: point && readFullName(point), onlyUserCertificates, onlyCaCertificates };
}

function readFullName(point: DerElement): string[] {
  const name = point.values;
  const urls = uris(name.enter(0xa0));
  name.end();
  return urls;
}

function uris(names: DerReader): string[] {
  const found: string[] = [];
  while (!names.done) {
    const { tag, content } = names.read();
    if (tag === 0x86) found.push(asciiText(content));
  }
  return found;
}
