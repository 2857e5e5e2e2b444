import { parseHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';

/** A source of randomness: `length` bytes that nobody can foresee. */
export type RandomBytes = (length: number) => Uint8Array;

/** Bytes of a serial number: RFC 5280 §4.1.2.2 allows 20. */
export const SERIAL_BYTES = 16;

/** CRL shards are numbered from 0 to below this. */
export const MAX_CRL_SHARDS = 2 ** 30;

/** Bytes of a serial that say of which CRL shard the certificate is. */
const SHARD_BYTES = 4;

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

/** A new serial number of a certificate whose revocation is told by a CRL shard: its number, then 96 random bits. */
export function newShardSerial(random: RandomBytes, shard: number): Uint8Array {
  const serial = newSerial(random);
  serial.set(parseHex(serialsOfShard(shard).first.slice(0, 2 * SHARD_BYTES)));
  return serial;
}

/** The first and the last serial of a CRL shard, lower-case hex. Throws `value-out-of-range`. */
export function serialsOfShard(shard: number): { readonly first: string; readonly last: string } {
  const isShard = Number.isInteger(shard) && shard >= 0 && shard < MAX_CRL_SHARDS;
  ensure(isShard, 'value-out-of-range', 'no CRL shard has this number');
  const prefix = (0x4000_0000 + shard).toString(16);
  const rest = SERIAL_BYTES - SHARD_BYTES;
  return { first: prefix + '00'.repeat(rest), last: prefix + 'ff'.repeat(rest) };
}

/** The CRL shard that a serial of 16 bytes (lower-case hex) is of; undefined for one of another length. */
export function shardOfSerial(serial: string): number | undefined {
  if (serial.length !== 2 * SERIAL_BYTES) return undefined;
  const number = Number.parseInt(serial.slice(0, 2 * SHARD_BYTES), 16) - 0x4000_0000;
  return number >= 0 && number < MAX_CRL_SHARDS ? number : undefined;
}
