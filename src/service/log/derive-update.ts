import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { encode } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import { type AuditorUpdate, auditorUpdateCodec } from '../../core/keytrans/auditor-update.ts';
import { findAddedLeaves } from '../../core/prefix/added-leaves.ts';
import { driveTiles, type ReadTiles } from '../../core/prefix/drive.ts';
import type { PrefixTile } from '../../core/prefix/prefix-tile.ts';
import { EMPTY_PREFIX_ROOT, MAX_LOOKUPS, type PrefixRoot, provePrefixLookups } from '../../core/prefix/prefix-tree.ts';
import { formatTileName, type TileName } from '../../core/prefix/tile-name.ts';
import type { EntryRow } from '../../store/ports.ts';
import { auditEntryOf, corrupt } from './stored-data.ts';

/** The AuditorUpdate of a log entry, with its encoding. */
export interface DerivedUpdate {
  readonly update: AuditorUpdate;
  readonly encoded: Uint8Array;
}

/** Most tiles of an entry that are read before it is known which of them are needed. */
const MAX_READ_AHEAD = 8 * MAX_LOOKUPS;

/**
 * Derives the AuditorUpdate of a log entry (KT §15.2) from its prefix tree and that of the entry before; `before` is
 * undefined for entry 0. Both trees must be there. Throws `storage-corrupt` unless the entry names just these bytes.
 */
export async function deriveUpdate(
  readTiles: ReadTiles,
  before: EntryRow | undefined,
  row: EntryRow,
): Promise<DerivedUpdate> {
  const { timestampMs, updateHash } = auditEntryOf(row);
  const [old, root] = [before === undefined ? EMPTY_PREFIX_ROOT : prefixRootOf(before), prefixRootOf(row)];
  const read = rememberingTiles(readTiles);
  const isOther = `the prefix trees of entry ${row.position} do not give its update`;
  try {
    await read(ownTiles(row));
    const added = await driveTiles(findAddedLeaves(old, root, row.position), read);
    const keys = added.map(({ vrfOutput }) => vrfOutput);
    const proof = await driveTiles(provePrefixLookups(old, keys), read);
    const update: AuditorUpdate = { timestampMs, added, removed: [], proof };
    const encoded = encode(auditorUpdateCodec, update);
    ensure(equalBytes(sha256(encoded), updateHash), 'storage-corrupt', isOther);
    return { update, encoded };
  } catch (cause) {
    return corrupt(isOther)(cause);
  }
}

/** Returns the version of the prefix tree that a log entry has. */
export function prefixRootOf(row: EntryRow): PrefixRoot {
  return { hash: auditEntryOf(row).prefixRoot, tile: row.prefixTile };
}

/** The tiles that an entry wrote: the root is the last of them. One read fetches them all. */
function ownTiles({ position, prefixTile }: EntryRow): TileName[] {
  if (prefixTile?.position !== position || prefixTile.counter >= MAX_READ_AHEAD) return [];
  return Array.from({ length: prefixTile.counter + 1 }, (_, counter) => ({ position, counter }));
}

/** Reads each tile once. */
function rememberingTiles(readTiles: ReadTiles): ReadTiles {
  const known = new Map<string, PrefixTile>();
  return async (names) => {
    const missing = names.filter((name) => !known.has(formatTileName(name)));
    const tiles = missing.length === 0 ? [] : await readTiles(missing);
    missing.forEach((name, i) => known.set(formatTileName(name), tiles[i] as PrefixTile));
    return names.map((name) => known.get(formatTileName(name)) as PrefixTile);
  };
}
