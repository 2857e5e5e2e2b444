import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { encodeUtf8, equalBytes } from '../../../src/core/encoding/bytes.ts';
import type { PrefixLeaf } from '../../../src/core/keytrans/proofs.ts';
import { driveTiles } from '../../../src/core/prefix/drive.ts';
import type { NamedTile } from '../../../src/core/prefix/path-growth.ts';
import { EMPTY_PREFIX_ROOT, insertPrefixLeaves, type PrefixRoot } from '../../../src/core/prefix/prefix-tree.ts';
import { cachedTileReader, PrefixTileCache } from '../../../src/core/prefix/tile-cache.ts';
import { readBaseNames } from '../../../src/core/prefix/tile-delta.ts';
import { formatTileName, type TileName } from '../../../src/core/prefix/tile-name.ts';
import { baseNames, FULL_TILE_INTERVAL } from '../../../src/core/prefix/tile-version.ts';
import { sortLeaves } from './tile-store.ts';

const corrupt: object = expect.objectContaining({ code: 'storage-corrupt' });

function leafOf(number: number): PrefixLeaf {
  const vrfOutput = sha256(encodeUtf8(`leaf ${number}`));
  return { vrfOutput, commitment: sha256(vrfOutput) };
}

/** A log's stored tiles, written as deltas; every read goes through the encodings. */
class DeltaStore {
  readonly rows = new Map<string, Uint8Array>();
  readonly tiles: NamedTile[] = [];
  readonly roots: PrefixRoot[] = [EMPTY_PREFIX_ROOT];
  /** Rows of each round trip. */
  reads: number[] = [];

  readonly readStored = async (names: readonly TileName[]): Promise<(Uint8Array | undefined)[]> => {
    this.reads.push(names.length);
    return names.map((name) => this.rows.get(formatTileName(name)));
  };

  reader(cacheBytes = 0): ReturnType<typeof cachedTileReader> {
    return cachedTileReader(new PrefixTileCache(cacheBytes), this.readStored);
  }

  async insert(keys: readonly number[], cacheBytes = 0): Promise<void> {
    const leaves = sortLeaves(keys.map(leafOf));
    const work = insertPrefixLeaves(this.roots.at(-1)!, leaves, this.roots.length - 1, true);
    const insertion = await driveTiles(work, this.reader(cacheBytes));
    for (const named of insertion.tiles) this.rows.set(formatTileName(named.name), named.stored);
    this.tiles.push(...insertion.tiles);
    this.roots.push(insertion.root);
  }
}

async function grown(entries: number, each: number): Promise<DeltaStore> {
  const store = new DeltaStore();
  for (let i = 0; i < entries; i++) await store.insert(Array.from({ length: each }, (_, j) => i * each + j));
  return store;
}

describe('tiles stored as changes', () => {
  it('are read as they were written, in two round trips and six rows each', async () => {
    const store = await grown(120, 1);
    const indexes = new Set<number>();
    for (const { name, tile, stored } of store.tiles) {
      store.reads = [];
      const [read] = await store.reader()([name]);
      expect(read).toEqual(tile);
      expect(store.reads.length).toBeLessThanOrEqual(2);
      expect(store.reads.reduce((sum, rows) => sum + rows, 0)).toBeLessThanOrEqual(6);
      expect(readBaseNames(name, stored)).toEqual(baseNames(tile.version));
      indexes.add(tile.version?.index ?? -1);
    }
    expect(Math.max(...indexes)).toBe(FULL_TILE_INTERVAL - 1);
  });

  it('are read together in two round trips, and from a cache', async () => {
    const store = await grown(40, 2);
    const names = store.tiles.map(({ name }) => name);
    for (const cacheBytes of [0, 20_000, 10_000_000]) {
      const read = store.reader(cacheBytes);
      for (let round = 0; round < 2; round++) {
        store.reads = [];
        const tiles = await read(names);
        expect(tiles.map(({ data }) => data)).toEqual(store.tiles.map(({ tile }) => tile.data));
        expect(store.reads.length).toBeLessThanOrEqual(2);
      }
    }
  });

  it('are a small part of the tiles, and none is longer than three quarters of its tile', async () => {
    const store = await grown(200, 1);
    const lengths = store.tiles.map(({ tile, stored }) => [stored.length, tile.data.length] as const);
    const [stored, full] = [0, 1].map((i) => lengths.reduce((sum, pair) => sum + (pair[i] ?? 0), 0));
    expect(stored! / full!).toBeLessThan(0.35);
    const deltas = lengths.filter(([is, whole]) => is !== whole);
    expect(deltas.every(([is, whole]) => is <= 0.75 * whole)).toBe(true);
  });

  it('hold any tree that full tiles hold', async () => {
    const batches = fc.array(fc.uniqueArray(fc.nat(3_000), { minLength: 1, maxLength: 30 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(batches, async (drawn) => {
        const store = new DeltaStore();
        const taken = new Set<number>();
        for (const batch of drawn) {
          const fresh = batch.filter((key) => !taken.has(key));
          for (const key of fresh) taken.add(key);
          await store.insert(fresh, 5_000);
        }
        const read = await store.reader()(store.tiles.map(({ name }) => name));
        read.forEach((tile, i) => expect(tile).toEqual(store.tiles[i]!.tile));
      }),
      { numRuns: 20 },
    );
  });
});

describe('a database that lies about changes', () => {
  const withDelta = async () => {
    const store = await grown(40, 2);
    const delta = store.tiles.findLast(({ tile }) => tile.version?.index === 7 && tile.references !== 0)!;
    const key = formatTileName(delta.name);
    return { store, delta, key, bases: baseNames(delta.tile.version) };
  };

  it('is found out if a base is missing, or another tile', async () => {
    const { store, delta, bases } = await withDelta();
    expect(bases).toHaveLength(3);
    const rows = new Map(store.rows);
    const keys = new Set(bases.map(formatTileName));
    const other = store.tiles.findLast(
      ({ name, tile }) => tile.version?.index === 0 && !keys.has(formatTileName(name)),
    )!;
    for (const base of bases) {
      const key = formatTileName(base);
      for (const stored of [undefined, other.stored, delta.stored, new Uint8Array(0), Uint8Array.of(2, 1)]) {
        if (stored === undefined) store.rows.delete(key);
        else store.rows.set(key, stored);
        const read = store
          .reader()([delta.name])
          .then(([tile]) => tile!.headHash);
        // A full tile of the right shape is only found out by the reference to what is made of it.
        const hash = await read.catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'storage-corrupt' });
        });
        expect(hash === undefined || !equalBytes(hash, delta.tile.headHash)).toBe(true);
        store.rows.set(key, rows.get(key)!);
      }
    }
  });

  it('is found out if a tile is a change of itself, or of a later one', async () => {
    const { store, delta, key } = await withDelta();
    const header = (distance: number) => Uint8Array.of(2, 1, distance, delta.name.counter, 0, 0, 0, 0);
    store.rows.set(key, header(0));
    await expect(store.reader()([delta.name])).rejects.toThrow(corrupt);
    // Distances are not signed, so that a later tile can only be named by a number that is too large.
    store.rows.set(key, Uint8Array.of(2, 1, ...Array.from({ length: 7 }, () => 0xff), 0x0f, 0, 0, 0, 0, 0));
    await expect(store.reader()([delta.name])).rejects.toThrow(corrupt);
  });

  it('is found out for every bit', async () => {
    const { store, delta, key } = await withDelta();
    let refused = 0;
    for (let bit = 0; bit < 8 * delta.stored.length; bit++) {
      const changed = delta.stored.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      store.rows.set(key, changed);
      store.reads = [];
      const read = await store
        .reader()([delta.name])
        .catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'storage-corrupt' });
          refused++;
        });
      expect(store.reads.length).toBeLessThanOrEqual(2);
      // The name of a child is no part of its parent's value: the child's own value gives it away.
      if (read !== undefined) expect(read[0]!.data).not.toEqual(delta.tile.data);
    }
    expect(refused).toBeGreaterThan(0);
  });

  it('is found out if bytes are missing or too many', async () => {
    const { store, delta, key } = await withDelta();
    for (let length = 0; length < delta.stored.length; length++) {
      store.rows.set(key, delta.stored.slice(0, length));
      await expect(store.reader()([delta.name])).rejects.toThrow(corrupt);
    }
    for (const more of [1, 64, 1_000_000]) {
      store.rows.set(key, Uint8Array.from([...delta.stored, ...new Uint8Array(more)]));
      await expect(store.reader()([delta.name])).rejects.toThrow(corrupt);
    }
  });

  it('makes no read longer: an index has at most five bases', async () => {
    const { store, delta, key } = await withDelta();
    for (const index of [0, 32, 33, 255]) {
      store.rows.set(key, delta.stored.with(1, index));
      store.reads = [];
      await expect(store.reader()([delta.name])).rejects.toThrow(corrupt);
      expect(store.reads).toEqual([1]);
    }
  });
});
