import { ensure } from '../core/errors.ts';

/** A source of randomness: `length` bytes that nobody can foresee. */
export type RandomBytes = (length: number) => Uint8Array;

/** Bytes of a serial number: RFC 5280 §4.1.2.2 allows 20. */
export const SERIAL_BYTES = 16;

/**
 * A new serial number: 16 bytes whose top bits are 01, so that it is a positive INTEGER of exactly 128 bits as encoded
 * and never needs a padding octet; 126 bits are random.
 */
export function newSerial(random: RandomBytes): Uint8Array {
  const serial = Uint8Array.from(random(SERIAL_BYTES));
  ensure(serial.length === SERIAL_BYTES, 'internal', 'the source of randomness gave the wrong length');
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}
