import { decodeError } from '../../core/errors.ts';

/** Everything up to this length looks alike. */
const SMALLEST_LENGTH = 256;

/**
 * Returns the length to which a content of `length` bytes is padded: Padmé ("Reducing Metadata Leakage from Encrypted
 * Files and Communication with PURBs", §4), and at least 256. A length of e + 1 bits keeps its log2(e) + 2 upper bits,
 * rounded up, so that above 256 a content grows by a sixteenth at most.
 */
export function paddedLength(length: number): number {
  if (length <= SMALLEST_LENGTH) return SMALLEST_LENGTH;
  const exponent = Math.floor(Math.log2(length));
  const keptBits = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** (exponent - keptBits);
  return Math.ceil(length / step) * step;
}

/** Throws `malformed-encoding` unless `padding` is what the rule gives for a content of `total` bytes with it. */
export function assertPadding(padding: Uint8Array, total: number): void {
  const isRule = paddedLength(total - padding.length) === total;
  if (!isRule || padding.some((byte) => byte !== 0)) throw decodeError('the content is not padded as the format says');
}
