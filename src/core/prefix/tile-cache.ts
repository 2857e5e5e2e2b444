import { ensure } from '../errors.ts';
import { RecentCache } from '../recent-cache.ts';
import type { ReadTiles } from './drive.ts';
import { completeTile, type PrefixTile, readFullTile } from './prefix-tile.ts';
import { decodeTileDelta, readBaseNames } from './tile-delta.ts';
import { formatTileName, type TileName } from './tile-name.ts';
import { assertTile } from './tile-shape.ts';

/** A bounded cache of decoded tiles. Tiles are immutable, so no cached tile can be stale. */
export class PrefixTileCache {
  readonly #tiles: RecentCache<PrefixTile>;

  /** Creates a cache that uses about `maxBytes` of memory. */
  constructor(maxBytes: number) {
    this.#tiles = new RecentCache(maxBytes, ({ memorySize }) => memorySize);
  }

  /** The approximate memory in use, in bytes. */
  get bytes(): number {
    return this.#tiles.weight;
  }

  /** Returns the cached tile of this name, if there is one, and marks it as used. */
  get(name: TileName): PrefixTile | undefined {
    return this.#tiles.get(formatTileName(name));
  }

  /** Adds a tile and evicts others if needed. */
  put(name: TileName, tile: PrefixTile): void {
    this.#tiles.set(formatTileName(name), tile);
  }

  /** Drops all tiles, for a log that has lost entries. */
  clear(): void {
    this.#tiles.clear();
  }
}

/** Reads stored tiles, in the order of the names, with `undefined` for a missing one. */
export type ReadStored = (names: readonly TileName[]) => Promise<readonly (Uint8Array | undefined)[]>;

/**
 * Creates a reader of stored tiles that goes to the storage only for tiles missing from `cache`: once per call, and
 * once more if some of them are stored as changes, for at most five bases of each. Throws `storage-corrupt` if a tile
 * is missing or malformed, and does not cache it.
 */
export function cachedTileReader(cache: PrefixTileCache, readStored: ReadStored): ReadTiles {
  return async (names) => {
    const tiles = names.map((name) => cache.get(name));
    const missing = names.filter((_, index) => tiles[index] === undefined);
    if (missing.length === 0) return tiles as PrefixTile[];
    const rows = await readRows(missing, readStored);
    const read = await readBases(cache, rows, readStored);
    for (const name of missing) cache.put(name, completeTile(read(name)));
    // The cache may be smaller than what was asked for.
    return names.map((name, index) => tiles[index] ?? read(name));
  };
}

/** Stored tiles, by the keys of their names. */
type Rows = ReadonlyMap<string, { readonly name: TileName; readonly stored: Uint8Array }>;

async function readRows(names: readonly TileName[], readStored: ReadStored): Promise<Rows> {
  const found = await readStored(names);
  return new Map(
    names.map((name, index) => {
      const stored = found[index];
      ensure(stored !== undefined, 'storage-corrupt', `prefix tile ${formatTileName(name)} is missing`);
      return [formatTileName(name), { name, stored }];
    }),
  );
}

/** Reads the bases of tiles. Returns a function that decodes a tile or a base, without the values of its nodes. */
async function readBases(
  cache: PrefixTileCache,
  rows: Rows,
  readStored: ReadStored,
): Promise<(name: TileName) => PrefixTile> {
  const known = new Map<string, PrefixTile>();
  const missing = new Map<string, TileName>();
  for (const { name, stored } of rows.values()) {
    for (const base of readBaseNames(name, stored)) {
      const key = formatTileName(base);
      const cached = cache.get(base);
      if (cached !== undefined) known.set(key, cached);
      else if (!rows.has(key)) missing.set(key, base);
    }
  }
  const bases = missing.size === 0 ? undefined : await readRows([...missing.values()], readStored);
  const decodeTile = (name: TileName): PrefixTile => {
    const key = formatTileName(name);
    const found = known.get(key);
    if (found !== undefined) return found;
    const row = rows.get(key) ?? bases?.get(key);
    assertTile(row !== undefined, 'a base that its version does not name');
    const { stored } = row;
    // Positions decrease from a tile to its base, so this ends.
    const [base] = readBaseNames(name, stored);
    const tile = base === undefined ? readFullTile(stored, name) : decodeTileDelta(name, stored, decodeTile(base));
    known.set(key, tile);
    return tile;
  };
  return decodeTile;
}
