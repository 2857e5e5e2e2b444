import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { decodePrefixTile, encodePrefixTile } from '../../../src/core/prefix/prefix-tile.ts';
import { EMPTY_PREFIX_ROOT } from '../../../src/core/prefix/prefix-tree.ts';
import { leavesArbitrary } from './arbitraries.ts';
import { naiveRoot } from './naive-prefix-tree.ts';
import { TileStore } from './tile-store.ts';

const corrupt = expect.objectContaining({ code: 'storage-corrupt' });
const SLOTS = Array.from({ length: 31 }, (_, i) => i + 1);

describe('prefix tile', () => {
  it('comes back from its encoding with every node and every value', () => {
    fc.assert(
      fc.property(leavesArbitrary(30, 1), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (leaves, position) => {
        const { root, tiles } = new TileStore().insert(EMPTY_PREFIX_ROOT, leaves, position);
        expect(root.hash).toEqual(naiveRoot(leaves));
        for (const { tile } of tiles) {
          const decoded = decodePrefixTile(encodePrefixTile(tile));
          expect(SLOTS.map((slot) => decoded.kind(slot))).toEqual(SLOTS.map((slot) => tile.kind(slot)));
          expect(encodePrefixTile(decoded)).toEqual(encodePrefixTile(tile));
          expect(SLOTS.map((slot) => formatHex(decoded.hash(slot)))).toEqual(
            SLOTS.map((slot) => formatHex(tile.hash(slot))),
          );
          const references = SLOTS.filter((slot) => decoded.kind(slot) === 'reference');
          for (const slot of references) expect(decoded.reference(slot).tile.position).toBe(position);
        }
      }),
    );
  });

  it('holds at most about 1 KB', () => {
    const store = new TileStore();
    const leaves = Array.from({ length: 16 }, (_, i) => ({
      vrfOutput: new Uint8Array(32).fill(i << 4),
      commitment: new Uint8Array(32),
    }));
    store.build(leaves);
    expect(Math.max(...[...store.rows.values()].map(({ length }) => length))).toBe(9 + 16 * 64);
  });

  it('is refused, or has another head, or names another tile, when any bit is flipped', () => {
    const runs = fc.tuple(leavesArbitrary(20, 2), fc.nat(), fc.nat());
    fc.assert(
      fc.property(runs, ([leaves, chosen, place]) => {
        const { tiles } = new TileStore().insert(EMPTY_PREFIX_ROOT, leaves, 5);
        const { tile } = tiles[chosen % tiles.length]!;
        const data = encodePrefixTile(tile).slice();
        const at = place % (8 * data.length);
        data[at >> 3]! ^= 1 << (at & 7);
        try {
          const changed = decodePrefixTile(data);
          const references = (of: typeof tile): unknown =>
            SLOTS.filter((slot) => of.kind(slot) === 'reference').map((slot) => of.reference(slot));
          const same = Buffer.compare(changed.headHash, tile.headHash) === 0;
          if (same) expect(references(changed)).not.toEqual(references(tile));
        } catch (error) {
          expect(error).toSatisfy((thrown) => isGlasskeyError(thrown, 'storage-corrupt'));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is refused when truncated, extended or empty', () => {
    const store = new TileStore();
    store.build(Array.from({ length: 3 }, (_, i) => leafAt(i << 5)));
    for (const data of store.rows.values()) {
      expect(() => decodePrefixTile(data.slice(0, -1))).toThrow(corrupt);
      expect(() => decodePrefixTile(Uint8Array.of(...data, 0))).toThrow(corrupt);
    }
    expect(() => decodePrefixTile(new Uint8Array(0))).toThrow(corrupt);
    expect(() => decodePrefixTile(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0))).toThrow(corrupt);
  });

  it('is refused when its header ends early, even inside a larger buffer', () => {
    const store = new TileStore();
    store.build([leafAt(0)]);
    const [data] = [...store.rows.values()];
    expect(() => decodePrefixTile(Uint8Array.of(1, 0, 0))).toThrow(corrupt);
    expect(() => decodePrefixTile(data!.subarray(0, 8))).toThrow(corrupt);
    expect(() => decodePrefixTile(data!.with(0, 2))).toThrow(corrupt);
  });

  it('is refused when it refers to nothing, or to an entry that no log can have', () => {
    const parents = [1, 2, 4, 8];
    const withReference = (hash: Uint8Array, position: bigint): Uint8Array => {
      const data = new Uint8Array(9 + 44);
      const view = new DataView(data.buffer);
      data[0] = 1;
      view.setUint16(
        1,
        parents.reduce((mask, slot) => mask + 2 ** (slot - 1), 0),
      );
      view.setUint16(7, 1);
      data.set(hash, 9);
      view.setBigUint64(9 + 32, position);
      return data;
    };
    const hash = new Uint8Array(32).fill(1);
    const greatest = decodePrefixTile(withReference(hash, 2n ** 53n - 1n)).reference(16);
    expect(greatest).toEqual({ hash, tile: { position: Number.MAX_SAFE_INTEGER, counter: 0 } });
    expect(() => decodePrefixTile(withReference(hash, 2n ** 53n))).toThrow(corrupt);
    expect(() => decodePrefixTile(withReference(new Uint8Array(32), 0n))).toThrow(corrupt);
  });

  it('counts all that it takes in memory: its bytes, the values, and its objects', () => {
    const store = new TileStore();
    store.build([leafAt(0), leafAt(0x80)]);
    const tile = decodePrefixTile([...store.rows.values()][0]!);
    const values = 3 * 32;
    expect(tile.memorySize).toBeGreaterThan(encodePrefixTile(tile).length + values);
  });

  it('is detected when the storage holds another one in its place', () => {
    const store = new TileStore();
    const leaves = Array.from({ length: 40 }, (_, i) => leafAt((i * 71) & 255, (i * 13) & 255));
    const root = store.build(leaves);
    const keys = leaves.map(({ vrfOutput }) => vrfOutput);
    for (const [name, data] of store.rows) {
      const other = [...store.rows].find(([otherName]) => otherName !== name)![1];
      store.rows.set(name, other);
      expect(() => store.prove(root, keys)).toThrow(corrupt);
      store.rows.set(name, data);
    }
    const elsewhere = { hash: root.hash.map((byte) => byte ^ 1), tile: root.tile };
    expect(() => store.prove(elsewhere, keys)).toThrow(corrupt);
    expect(root.tile).toEqual({ position: 0, counter: store.rows.size - 1 });
  });
});

function leafAt(...bytes: number[]): { vrfOutput: Uint8Array; commitment: Uint8Array } {
  return { vrfOutput: Uint8Array.from({ length: 32 }, (_, i) => bytes[i] ?? 0), commitment: new Uint8Array(32) };
}
