import { ByteReader } from '../encoding/byte-reader.ts';
import { ByteWriter } from '../encoding/byte-writer.ts';
import { decodeError } from '../errors.ts';

/**
 * Encodes an entry bundle (c2sp.org/tlog-tiles): each entry after its length as a uint16. Throws `value-out-of-range`.
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter();
  for (const entry of entries) {
    writer.uint(2, entry.length);
    writer.bytes(entry);
  }
  return writer.finish();
}

/** Decodes an untrusted bundle, which must hold exactly `count` entries. Throws `malformed-encoding`. */
export function decodeEntryBundle(bundle: Uint8Array, count: number): Uint8Array[] {
  const reader = new ByteReader(bundle);
  const entries: Uint8Array[] = [];
  while (reader.remaining > 0) {
    if (entries.length === count) throw decodeError(`the entry bundle holds more than ${count} entries`);
    entries.push(reader.bytes(reader.uint(2)));
  }
  if (entries.length < count) throw decodeError(`the entry bundle holds ${entries.length} entries, not ${count}`);
  return entries;
}
