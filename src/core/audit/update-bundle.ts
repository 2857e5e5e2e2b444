import { ByteReader } from '../encoding/byte-reader.ts';
import { ByteWriter } from '../encoding/byte-writer.ts';
import { decodeError } from '../errors.ts';
import { TILE_WIDTH } from '../log/tiled-tree.ts';

/** Most decoded bytes of an update bundle. Updates that are longer together have none, and are read one by one. */
export const MAX_UPDATE_BUNDLE_BYTES = 1024 * 1024;

const LENGTH_BYTES = 4;

/**
 * Encodes the AuditorUpdates of 256 consecutive log entries: each after its length as a uint32
 * (docs/spec.md#audit-log).
 */
export function encodeUpdateBundle(updates: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter();
  for (const update of updates) {
    writer.uint(LENGTH_BYTES, update.length);
    writer.bytes(update);
  }
  return writer.finish();
}

/** Returns the bytes that an update takes in a bundle. */
export function bundledLength(update: Uint8Array): number {
  return LENGTH_BYTES + update.length;
}

/** Decodes an untrusted bundle into copies of its 256 updates. Throws `malformed-encoding`. */
export function decodeUpdateBundle(bundle: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bundle);
  const updates: Uint8Array[] = [];
  while (reader.remaining > 0) {
    if (updates.length === TILE_WIDTH) throw decodeError(`the update bundle holds more than ${TILE_WIDTH} updates`);
    updates.push(reader.bytes(reader.uint(LENGTH_BYTES)));
  }
  if (updates.length < TILE_WIDTH) throw decodeError(`the update bundle holds ${updates.length} updates`);
  return updates;
}
