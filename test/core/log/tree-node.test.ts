import { describe, expect, it } from 'vitest';
import { balancedNodes, splitPoint } from '../../../src/core/log/tree-node.ts';

describe('balancedNodes', () => {
  it('are as few as possible, each aligned to its size', () => {
    expect(balancedNodes(0, 0)).toEqual([]);
    expect(balancedNodes(3, 12)).toEqual([
      { level: 0, index: 3 },
      { level: 2, index: 1 },
      { level: 2, index: 2 },
    ]);
    expect(balancedNodes(0, 7)).toEqual([
      { level: 2, index: 0 },
      { level: 1, index: 2 },
      { level: 0, index: 6 },
    ]);
  });

  it('refuse what is not a range of leaves', () => {
    for (const [start, end] of [
      [-1, 3],
      [4, 3],
      [0, 1.5],
      [0, 2 ** 53],
      [0, Number.NaN],
    ] as const) {
      expect(() => balancedNodes(start, end)).toThrow(expect.objectContaining({ code: 'value-out-of-range' }));
    }
  });
});

describe('splitPoint', () => {
  it('is the largest power of two below the size', () => {
    expect([2, 3, 4, 5, 8, 9, 2 ** 53 - 1].map(splitPoint)).toEqual([1, 2, 2, 4, 4, 8, 2 ** 52]);
  });
});
