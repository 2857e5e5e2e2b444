import { ensure } from '../errors.ts';
import { formatTileName, type ReadTiles } from './drive.ts';
import { decodePrefixTile, type PrefixTile } from './prefix-tile.ts';
import type { TileName } from './tile-name.ts';

/** Keeps the most recently used decoded tiles. Tiles are immutable, so nothing in it can be out of date. */
export class PrefixTileCache {
  readonly #tiles = new Map<string, PrefixTile>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** `maxBytes`: about how much memory to use. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Memory in use, roughly, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The tile of this name, if it is here; it then counts as just used. */
  get(name: TileName): PrefixTile | undefined {
    const key = formatTileName(name);
    const tile = this.#tiles.get(key);
    if (tile === undefined) return undefined;
    this.#tiles.delete(key);
    this.#tiles.set(key, tile);
    return tile;
  }

  /** Adds a tile; the least recently used ones make room. */
  put(name: TileName, tile: PrefixTile): void {
    const key = formatTileName(name);
    const replaced = this.#tiles.get(key);
    if (replaced !== undefined) this.#bytes -= replaced.memorySize;
    this.#tiles.delete(key);
    this.#tiles.set(key, tile);
    this.#bytes += tile.memorySize;
    for (const [oldest, { memorySize }] of this.#tiles) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#tiles.delete(oldest);
      this.#bytes -= memorySize;
    }
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
