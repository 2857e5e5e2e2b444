import { ensure } from '../errors.ts';
import { RecentCache } from '../recent-cache.ts';
import type { ReadTiles } from './drive.ts';
import { decodePrefixTile, type PrefixTile } from './prefix-tile.ts';
import { formatTileName, type TileName } from './tile-name.ts';

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

/**
 * Creates a reader of stored tiles that goes to the storage only for tiles missing from `cache`, once per call.
 * `readStored` answers in the order of the names, with `undefined` for a missing tile. Throws `storage-corrupt` if a
 * tile is missing or malformed, and does not cache it.
 */
export function cachedTileReader(
  cache: PrefixTileCache,
  readStored: (names: readonly TileName[]) => Promise<readonly (Uint8Array | undefined)[]>,
): ReadTiles {
  return async (names) => {
    const tiles = names.map((name) => cache.get(name));
    const missing = names.filter((_, index) => tiles[index] === undefined);
    const stored = missing.length === 0 ? [] : await readStored(missing);
    let next = 0;
    return names.map((name, index) => {
      const cached = tiles[index];
      if (cached !== undefined) return cached;
      const data = stored[next++];
      ensure(data !== undefined, 'storage-corrupt', `prefix tile ${formatTileName(name)} is missing`);
      const tile = decodePrefixTile(data);
      cache.put(name, tile);
      return tile;
    });
  };
}
