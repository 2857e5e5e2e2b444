import { ensure } from '../errors.ts';
import { RecentCache } from '../recent-cache.ts';
import { formatTileName, type ReadTiles } from './drive.ts';
import { decodePrefixTile, type PrefixTile } from './prefix-tile.ts';
import type { TileName } from './tile-name.ts';

/** Keeps decoded tiles that are in use. Tiles are immutable, so nothing in it can be out of date. */
export class PrefixTileCache {
  readonly #tiles: RecentCache<PrefixTile>;

  /** `maxBytes`: about how much memory to use. */
  constructor(maxBytes: number) {
    this.#tiles = new RecentCache(maxBytes, ({ memorySize }) => memorySize);
  }

  /** Memory in use, roughly, in bytes. */
  get bytes(): number {
    return this.#tiles.weight;
  }

  /** The tile of this name, if it is here; it then counts as used. */
  get(name: TileName): PrefixTile | undefined {
    return this.#tiles.get(formatTileName(name));
  }

  /** Adds a tile; others make room. */
  put(name: TileName, tile: PrefixTile): void {
    this.#tiles.set(formatTileName(name), tile);
  }
}

/**
 * A reader of stored tiles that goes to the storage only for what `cache` lacks, once per call. `readStored` answers in
 * the order of the names, `undefined` for a missing one. Throws `storage-corrupt` where a tile is missing or malformed;
 * neither is cached.
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
