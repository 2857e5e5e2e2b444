import { describe, expect, it } from 'vitest';
import type { PrefixLeaf } from '../../../src/core/keytrans/proofs.ts';
import { areAscending, insertSorted } from '../../../src/core/prefix/sorted-leaves.ts';

const [a, b, c] = [1, 2, 3].map((byte) => ({
  vrfOutput: new Uint8Array(32).fill(byte),
  commitment: new Uint8Array(32),
})) as [PrefixLeaf, PrefixLeaf, PrefixLeaf];

describe('ascending leaves', () => {
  it('are in order, none twice', () => {
    expect([[], [a], [a, b, c]].map(areAscending)).toEqual([true, true, true]);
    expect(
      [
        [b, a],
        [a, c, b],
        [a, a],
        [a, b, b],
      ].map(areAscending),
    ).toEqual([false, false, false, false]);
  });

  it('take another in its place', () => {
    expect(insertSorted([b, c], a)).toEqual([a, b, c]);
    expect(insertSorted([a, c], b)).toEqual([a, b, c]);
    expect(insertSorted([a, b], c)).toEqual([a, b, c]);
    expect(insertSorted([], c)).toEqual([c]);
  });
});
