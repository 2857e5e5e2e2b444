import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
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

  it('counts the nodes that random searches touch', () => {
    expect([touched(0, 3), touched(0, 0.5), touched(1, 1), touched(40, 1)]).toEqual([1, 0.5, 1, 1]);
    expect(touched(1, 2)).toBeCloseTo(1.5, 12);
    expect(touched(3, 1e6)).toBeCloseTo(8, 12);
    expect(touched(50, 7)).toBeCloseTo(7, 9);
  });
});
