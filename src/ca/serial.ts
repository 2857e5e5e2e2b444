import { parseHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';

/** A source of `length` unpredictable bytes. */
export type RandomBytes = (length: number) => Uint8Array;

/** Bytes of a serial number: RFC 5280 §4.1.2.2 allows 20. */
export const SERIAL_BYTES = 16;

/** CRL shards are numbered from 0 to below this. */
export const MAX_CRL_SHARDS = 2 ** 30;

/** Bytes of a serial that name the certificate's CRL shard. */
const SHARD_BYTES = 4;

/**
 * Creates a serial number of 16 bytes with 126 random bits. Its top bits are 01, so that it is always a positive
 * INTEGER of exactly 128 bits and never needs a padding octet.
 */
export function newSerial(random: RandomBytes): Uint8Array {
  const serial = Uint8Array.from(random(SERIAL_BYTES));
  ensure(serial.length === SERIAL_BYTES, 'internal', 'the source of randomness returned a wrong length');
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** Creates a serial number in a CRL shard: the shard's number, then 96 random bits. */
export function newShardSerial(random: RandomBytes, shard: number): Uint8Array {
  const serial = newSerial(random);
  serial.set(parseHex(serialsOfShard(shard).first.slice(0, 2 * SHARD_BYTES)));
  return serial;
}

/** Returns the first and last serial of a CRL shard, lower-case hex. Throws `value-out-of-range`. */
export function serialsOfShard(shard: number): { readonly first: string; readonly last: string } {
  const isShard = Number.isInteger(shard) && shard >= 0 && shard < MAX_CRL_SHARDS;
  ensure(isShard, 'value-out-of-range', 'no CRL shard has this number');
  const prefix = (0x4000_0000 + shard).toString(16);
  const rest = SERIAL_BYTES - SHARD_BYTES;
  return { first: prefix + '00'.repeat(rest), last: prefix + 'ff'.repeat(rest) };
}

/** Returns the CRL shard of a serial of 16 bytes (lower-case hex); undefined for another length. */
export function shardOfSerial(serial: string): number | undefined {
  if (serial.length !== 2 * SERIAL_BYTES) return undefined;
  const number = Number.parseInt(serial.slice(0, 2 * SHARD_BYTES), 16) - 0x4000_0000;
  return number >= 0 && number < MAX_CRL_SHARDS ? number : undefined;
}
