import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { driveTiles, driveTilesTogether } from '../../../src/core/prefix/drive.ts';
import { provePrefixLookups } from '../../../src/core/prefix/prefix-tree.ts';
import { cachedTileReader, PrefixTileCache } from '../../../src/core/prefix/tile-cache.ts';
import { formatTileName, type TileName } from '../../../src/core/prefix/tile-name.ts';
import { TileStore } from './tile-store.ts';

const leaves = Array.from({ length: 120 }, (_, i) => ({
  vrfOutput: sha256(Uint8Array.of(i)),
  commitment: sha256(Uint8Array.of(i, 1)),
}));
const keys = leaves.map(({ vrfOutput }) => vrfOutput);

function setUp(): {
  store: TileStore;
  asked: string[][];
  read: (names: readonly TileName[]) => Promise<(Uint8Array | undefined)[]>;
} {
  const store = new TileStore();
  const asked: string[][] = [];
  const read = (names: readonly TileName[]): Promise<(Uint8Array | undefined)[]> => {
    asked.push(names.map(formatTileName));
    return Promise.resolve(names.map((name) => store.rows.get(formatTileName(name))));
  };
  return { store, asked, read };
}

describe('cachedTileReader', () => {
  it('reads each tile once', async () => {
    const { store, asked, read } = setUp();
    const root = store.build(leaves);
    const reader = cachedTileReader(new PrefixTileCache(1e6), read);
    const first = await driveTiles(provePrefixLookups(root, keys), reader);
    expect(asked.flat().length).toBe(new Set(asked.flat()).size);
    const rounds = asked.length;
    expect(await driveTiles(provePrefixLookups(root, keys), reader)).toEqual(first);
    expect(asked.length).toBe(rounds);
  });

  it('keeps to its size, and works with no room at all', async () => {
    const { store, asked, read } = setUp();
    const root = store.build(leaves);
    for (const room of [0, 5_000]) {
      const cache = new PrefixTileCache(room);
      await driveTiles(provePrefixLookups(root, keys), cachedTileReader(cache, read));
      expect(cache.bytes).toBeLessThanOrEqual(room);
    }
    expect(asked.length).toBeGreaterThan(2);
  });

  it('throws for a missing tile, and asks again the next time', async () => {
    const { store, read } = setUp();
    const root = store.build(leaves);
    const [name, data] = [...store.rows][0]!;
    const reader = cachedTileReader(new PrefixTileCache(1e6), read);
    store.rows.delete(name);
    const lookup = (): Promise<unknown> => driveTiles(provePrefixLookups(root, keys), reader);
    await expect(lookup()).rejects.toMatchObject({ code: 'storage-corrupt' });
    store.rows.set(name, data);
    await expect(lookup()).resolves.toBeDefined();
  });
});

describe('driveTilesTogether', () => {
  it('gives what each gives alone, in as many rounds as the deepest, each tile asked for once', async () => {
    const { store, asked, read } = setUp();
    const older = store.build(leaves.slice(0, 60));
    const newer = store.insert(older, leaves.slice(60), 1000).root;
    const works = [
      { root: older, keys: keys.slice(0, 3) },
      { root: newer, keys: keys.slice(2, 90) },
      { root: newer, keys: [] },
      { root: newer, keys: keys.slice(1, 4) },
    ];
    const alone = works.map((work) => store.prove(work.root, work.keys));
    const reader = cachedTileReader(new PrefixTileCache(0), read);
    const together = await driveTilesTogether(
      works.map((work) => provePrefixLookups(work.root, work.keys)),
      reader,
    );
    expect(together).toEqual(alone);
    for (const names of asked) expect(names.length).toBe(new Set(names).size);
    expect(asked.length).toBeLessThanOrEqual(4);
    expect(asked[0]?.length).toBe(2);
  });
});
