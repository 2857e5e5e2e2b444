import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deflateRawSync } from 'node:zlib';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { prefixProofCodec } from '../../src/core/keytrans/proofs.ts';
import { driveTilesSync } from '../../src/core/prefix/drive.ts';
import type { PrefixTile } from '../../src/core/prefix/prefix-tile.ts';
import { EMPTY_PREFIX_ROOT, insertPrefixLeaves, provePrefixLookups } from '../../src/core/prefix/prefix-tree.ts';
import { formatTileName, type TileName } from '../../src/core/prefix/tile-name.ts';
import { largePrefixTree, measurePrefixTree, touched } from '../../bench/scale/prefix-tree-cost.ts';
import { scalePage } from '../../bench/scale/scale-page.ts';

describe('docs/scale.md', () => {
  it('is what npm run scale writes', () => {
    const text = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/scale.md'), 'utf8');
    expect(text).toBe(scalePage());
  }, 60_000);

  it('models a large tree as a small one below full layers', () => {
    const small = measurePrefixTree(600);
    const large = measurePrefixTree(16 * 600);
    const modelled = largePrefixTree(16 ** 3 * 600, (leaves) => ({ ...small, leaves }));
    expect(modelled.layers).toBe(2);
    expect(small.tileBytes + small.layerTileBytes).toBeGreaterThan(0.9 * large.tileBytes);
    expect(small.tileBytes + small.layerTileBytes).toBeLessThan(1.1 * large.tileBytes);
    expect(modelled.tileBytes(1)).toBeCloseTo(small.tileBytes + 2 * small.layerTileBytes, 6);
    const [elements, result] = [small.inclusion.elements + 8, small.inclusion.resultBytes];
    expect(modelled.proofBytes(1, 0)).toBeCloseTo(1 + result + 2 + 32 * elements, 6);
    expect(modelled.proofBytes(0, 0)).toBe(1 + 2 + 32);
  }, 60_000);

  it('estimates what zlib saves on proofs of two neighbouring entries', () => {
    const leaves = 4096;
    const tiles = new Map<string, PrefixTile>();
    const read = (name: TileName): PrefixTile => tiles.get(formatTileName(name)) as PrefixTile;
    const outputOf = (i: number): Uint8Array => sha256(encodeUtf8(`leaf ${i}`));
    let root = EMPTY_PREFIX_ROOT;
    const grow = (from: number, count: number, position: number): void => {
      const added = Array.from({ length: count }, (_, i) => ({
        vrfOutput: outputOf(from + i),
        commitment: outputOf(-i),
      }));
      const sorted = added.toSorted((a, b) => Buffer.compare(a.vrfOutput, b.vrfOutput));
      const inserted = driveTilesSync(insertPrefixLeaves(root, sorted, position), read);
      for (const { name, tile } of inserted.tiles) tiles.set(formatTileName(name), tile);
      ({ root } = inserted);
    };
    for (let from = 0; from < leaves; from += 128) grow(from, 128, from / 128);
    const before = root;
    for (const added of [1, 32, 200]) {
      root = before;
      grow(leaves, added, 1000 + added);
      let saved = 0;
      for (let i = 0; i < 32; i++) {
        const keys = [outputOf(7 + 31 * i)];
        const proofs = [before, root].map((tree) =>
          encode(prefixProofCodec, driveTilesSync(provePrefixLookups(tree, keys), read)),
        );
        const [one, both] = [proofs.slice(0, 1), proofs].map((parts) => {
          return deflateRawSync(Buffer.concat(parts), { level: 1 }).length;
        });
        saved += ((proofs[1]?.length ?? 0) - ((both ?? 0) - (one ?? 0))) / 32;
      }
      const estimated = largePrefixTree(leaves).savedBytes(1, 0, added);
      expect(estimated / saved).toBeGreaterThan(0.9);
      expect(estimated / saved).toBeLessThan(1.1);
    }
  }, 60_000);

  it('counts the nodes that random searches touch', () => {
    expect([touched(0, 3), touched(0, 0.5), touched(1, 1), touched(40, 1)]).toEqual([1, 0.5, 1, 1]);
    expect(touched(1, 2)).toBeCloseTo(1.5, 12);
    expect(touched(3, 1e6)).toBeCloseTo(8, 12);
    expect(touched(50, 7)).toBeCloseTo(7, 9);
  });
});
