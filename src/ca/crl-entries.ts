import { parseHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { DerTag } from './der/der-reader.ts';
import { der, derOf, derSequence, derTime } from './der/der-writer.ts';
import { encodeExtension } from './extension-writer.ts';
import { ExtensionOid } from './der/oids.ts';

/** Reasons for a revocation (RFC 5280 §5.3.1). We do not make holds. */
export const CRL_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const;

/** The name of a revocation reason. */
export type CrlReason = keyof typeof CRL_REASONS;

const REASON_NAMES: ReadonlyMap<unknown, CrlReason> = new Map(
  (Object.keys(CRL_REASONS) as CrlReason[]).map((name) => [CRL_REASONS[name], name]),
);

/** Returns true if an untrusted value is the code of one of {@link CRL_REASONS}. */
export function isRevocationReason(value: unknown): value is number {
  return REASON_NAMES.has(value);
}

/** Returns the name of a reason code; undefined if it is not one of {@link CRL_REASONS}. */
export function reasonName(code: number): CrlReason | undefined {
  return REASON_NAMES.get(code);
}

/** One revoked certificate. */
export interface CrlEntry {
  /** Lower-case hex, as in `ParsedCertificate.serial`. */
  readonly serial: string;
  readonly revokedAtMs: number;
  /** `removeFromCRL` is for deltas only: the certificate has expired, so the complete CRL no longer lists it. */
  readonly reason: CrlReason | 'removeFromCRL';
}

const NO_EXTENSION = new Uint8Array();
const CODES = Object.entries({ ...CRL_REASONS, removeFromCRL: 8 });

/** The extensions of an entry by reason: none if the reason is unspecified (RFC 5280 §5.3.1). */
const REASON_EXTENSIONS: ReadonlyMap<string, Uint8Array> = new Map(
  CODES.map(([reason, code]) => {
    const extension = encodeExtension(ExtensionOid.crlReason, false, der(0x0a, Uint8Array.of(code)));
    return [reason, code === 0 ? NO_EXTENSION : derSequence(extension)];
  }),
);

const MAX_SERIAL_BYTES = 20;

/** Bound for an entry with the longest serial, a GeneralizedTime and a reason. Its length fits one octet. */
const MAX_ENTRY_BYTES = 64;
const HEADER_BYTES = 2;
const DAY_MS = 86_400_000;
const DIGIT_ZERO = 0x30;

/**
 * Encodes the `revokedCertificates` of a CRL (RFC 5280 §5.1.2.6) in the order of their serials. All entries go into one
 * buffer, 1 or 2 µs each, because a busy server makes CRLs of 10,000 entries. Throws `value-out-of-range`.
 */
export function encodeCrlEntries(entries: readonly CrlEntry[]): Uint8Array {
  const sorted = entries.toSorted((a, b) => (a.serial < b.serial ? -1 : Number(a.serial > b.serial)));
  const days = new Map<number, Uint8Array>();
  const bytes = new Uint8Array(sorted.length * MAX_ENTRY_BYTES);
  let end = 0;
  for (const { serial, revokedAtMs, reason } of sorted) {
    const start = end + HEADER_BYTES;
    end = writeSerial(bytes, start, serial);
    end = writeTime(bytes, end, revokedAtMs, days);
    const extensions = REASON_EXTENSIONS.get(reason) ?? NO_EXTENSION;
    bytes.set(extensions, end);
    end += extensions.length;
    bytes[start - 2] = DerTag.sequence;
    bytes[start - 1] = end - start;
  }
  return derOf(DerTag.sequence, [bytes.subarray(0, end)]);
}

/** Writes an INTEGER at `at` and returns its end. */
function writeSerial(bytes: Uint8Array, at: number, serial: string): number {
  ensure(serial.length <= 2 * MAX_SERIAL_BYTES, 'value-out-of-range', 'a serial of more than 20 octets');
  const magnitude = parseHex(serial);
  let zeros = 0;
  while (zeros < magnitude.length && magnitude[zeros] === 0) zeros += 1;
  // A zero octet comes before a top bit that is set, and stands for zero itself.
  const padding = (magnitude[zeros] ?? 0x80) >= 0x80 ? 1 : 0;
  const length = padding + magnitude.length - zeros;
  bytes[at] = DerTag.integer;
  bytes[at + 1] = length;
  bytes.set(magnitude.subarray(zeros), at + HEADER_BYTES + padding);
  return at + HEADER_BYTES + length;
}

/**
 * Writes a `Time` at `at` and returns its end. The start of each day is encoded once; hour, minute and second are then
 * filled in.
 */
function writeTime(bytes: Uint8Array, at: number, timeMs: number, days: Map<number, Uint8Array>): number {
  const day = Math.floor(timeMs / DAY_MS);
  const midnight = days.get(day) ?? derTime(day * DAY_MS);
  days.set(day, midnight);
  bytes.set(midnight, at);
  const seconds = Math.floor((timeMs - day * DAY_MS) / 1_000);
  const digitsAt = at + midnight.length - 'hhmmssZ'.length;
  for (const [i, part] of [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60].entries()) {
    bytes[digitsAt + 2 * i] = DIGIT_ZERO + Math.floor(part / 10);
    bytes[digitsAt + 2 * i + 1] = DIGIT_ZERO + (part % 10);
  }
  return at + midnight.length;
}
