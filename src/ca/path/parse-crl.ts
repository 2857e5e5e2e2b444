import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { decodeError, ensure } from '../../core/errors.ts';
import { parseRawExtensions } from '../certificate-extensions.ts';
import { DerReader, readSingle } from '../der/der-reader.ts';
import { readOctetAlignedBits, readSerial, readSmallUnsigned, readTime, readUnsigned } from '../der/der-values.ts';
import { ExtensionOid } from '../der/oids.ts';
import { parseVerifiedAlgorithm, type VerifiedAlgorithm } from '../signature-algorithm.ts';
import { withCode } from '../der/with-code.ts';
import { ALL_REASONS, readPointName, readReasons } from './distribution-points.ts';
import { nameKey, parseGeneralNames } from './general-name.ts';
import { parseRelativeNames, type RelativeNames, sameNames } from './relative-names.ts';

/** A parsed CRL (RFC 5280 §5.1), complete or a delta. Nothing in it is verified. */
export interface ParsedCrl {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: VerifiedAlgorithm;
  readonly signature: Uint8Array;
  readonly issuer: RelativeNames;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** The certificates, as {@link entryKey} names them: those of the CRL's own issuer by their serial number. */
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
  /** Covers certificates that have one of these names at a distribution point; undefined covers all. */
  readonly names: readonly string[] | undefined;
  readonly onlyUserCertificates: boolean;
  readonly onlyCaCertificates: boolean;
  readonly onlyAttributeCertificates: boolean;
  /** The reasons that it covers, as bits. */
  readonly reasons: number;
  /** True if it may list certificates of other issuers. */
  readonly isIndirect: boolean;
}

/** Names a certificate in a CRL of `crlIssuer`. */
export function entryKey(serial: string, issuer: RelativeNames, crlIssuer: RelativeNames): string {
  return sameNames(issuer, crlIssuer) ? serial : `${serial} of ${nameKey({ kind: 'directory', value: issuer })}`;
}

const MAX_CRL_BYTES = 16 * 2 ** 20 - 1;
const MAX_NUMBER_BYTES = 20;
const EXTENSIONS = 0xa0;

/**
 * Reads a DER CRL (untrusted): version 2, with a CRL number and the time of the next one. Throws `bad-certificate`.
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
    const thisUpdateMs = readTime(reader, true);
    const nextUpdateMs = readTime(reader, true);
    const encodedEntries = reader.optional(0x30)?.values;
    const extensions = readExtensions(reader.enter(EXTENSIONS), issuer);
    reader.end();
    const isIndirect = extensions.scope?.isIndirect === true;
    const entries = encodedEntries === undefined ? NO_ENTRIES : readEntries(encodedEntries, issuer, isIndirect);
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

function readEntries(entries: DerReader, crlIssuer: RelativeNames, isIndirect: boolean): Entries {
  const revoked = new Set<string>();
  const removed = new Set<string>();
  let issuer = crlIssuer;
  while (!entries.done) {
    const entry = entries.enter();
    const serial = readSerial(entry);
    readTime(entry, true);
    const extensions = entry.done ? [] : parseRawExtensions(entry.read(0x30).raw);
    entry.end();
    const other = extensions.find(({ oid }) => oid === ExtensionOid.certificateIssuer);
    // A critical extension may change what an entry means (§5.3).
    const isUnknown = extensions.some((one) => one.critical && !(isIndirect && one === other));
    if (isUnknown) throw decodeError('a CRL entry with a critical extension');
    // An issuer holds for the entries that follow, too (§5.3.3).
    if (isIndirect && other !== undefined) issuer = readCertificateIssuer(other.value);
    const reason = extensions.find(({ oid }) => oid === ExtensionOid.crlReason);
    const isRemoved = reason !== undefined && readReason(reason.value) === REMOVE_FROM_CRL;
    (isRemoved ? removed : revoked).add(entryKey(serial, issuer, crlIssuer));
  }
  return { revoked, removed };
}

function readCertificateIssuer(value: Uint8Array): RelativeNames {
  const name = parseGeneralNames(value).find(({ kind }) => kind === 'directory');
  if (name?.kind !== 'directory') throw decodeError('a certificate issuer without a directory name');
  return name.value;
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
function readExtensions(reader: DerReader, issuer: RelativeNames): Extensions {
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
    scope: point && readScope(point, issuer),
  };
}

function readNumber(value: Uint8Array): bigint {
  const reader = new DerReader(value);
  const number = readUnsigned(reader, MAX_NUMBER_BYTES);
  reader.end();
  return BigInt(`0x0${formatHex(number)}`);
}

/** Reads the value of an issuing distribution point (§5.2.5). */
function readScope(value: Uint8Array, issuer: RelativeNames): CrlCoverage {
  const reader = readSingle(value).values;
  const point = reader.optional(0xa0)?.values;
  const flag = (tag: number): boolean => {
    const content = reader.optional(tag)?.content;
    if (content === undefined) return false;
    // DER omits DEFAULT FALSE.
    if (content.length !== 1 || content[0] !== 0xff) throw decodeError('a flag that is not TRUE');
    return true;
  };
  const onlyUserCertificates = flag(0x81);
  const onlyCaCertificates = flag(0x82);
  const some = reader.optional(0x83)?.content;
  const isIndirect = flag(0x84);
  const onlyAttributeCertificates = flag(0x85);
  reader.end();
  const names = point && readPointName(point, issuer);
  const reasons = some === undefined ? ALL_REASONS : readReasons(some);
  return { names, onlyUserCertificates, onlyCaCertificates, onlyAttributeCertificates, reasons, isIndirect };
}
