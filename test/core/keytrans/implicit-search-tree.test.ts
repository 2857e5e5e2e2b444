import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  directPath,
  frontier,
  frontierLength,
  leftChild,
  pathTo,
  rightChild,
  rootOf,
} from '../../../src/core/keytrans/implicit-search-tree.ts';

const OUT_OF_RANGE = expect.objectContaining({ code: 'value-out-of-range' });
const GREATEST_SIZE = 2 ** 53 - 1;

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 1, max: GREATEST_SIZE }),
  fc.integer({ min: 2 ** 31 - 2, max: 2 ** 32 + 2 }),
  fc.integer({ min: 2 ** 52 - 2, max: 2 ** 52 + 2 }),
  fc.constantFrom(GREATEST_SIZE - 1, GREATEST_SIZE),
);
const sizeAndEntry = sizes.chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })));

/** The same tree by its recursive definition (KT §4.1), in big integers: what entries start <= x < end make. */
function naivePath(start: bigint, end: bigint, x: bigint): number[] {
  let power = 1n;
  while (power * 2n <= end - start) power *= 2n;
  const root = start + power - 1n;
  if (x === root) return [Number(root)];
  return [Number(root), ...(x < root ? naivePath(start, root, x) : naivePath(root + 1n, end, x))];
}

describe('the implicit binary search tree', () => {
  it('is that of the recursive definition, up to 2^53-1 entries', () => {
    fc.assert(
      fc.property(sizeAndEntry, ([size, x]) => {
        const expected = naivePath(0n, BigInt(size), BigInt(x));
        expect(pathTo(x, size)).toEqual(expected);
        expect(directPath(x, size)).toEqual(expected.slice(0, -1).toReversed());
        expect(frontier(size)).toEqual(naivePath(0n, BigInt(size), BigInt(size - 1)));
        expect(frontierLength(size)).toBe(frontier(size).length);
        expect(rootOf(size)).toBe(expected[0]);
      }),
      { numRuns: 300 },
    );
  });

  it('has children on the right sides of their parents', () => {
    fc.assert(
      fc.property(sizeAndEntry, ([size, x]) => {
        const left = leftChild(x);
        const right = rightChild(x, size);
        if (left !== undefined) {
          expect(left).toBeLessThan(x);
          expect(directPath(left, size)[0]).toBe(x);
        }
        if (right !== undefined) {
          expect(right).toBeGreaterThan(x);
          expect(directPath(right, size)[0]).toBe(x);
        }
        expect(left === undefined).toBe(x % 2 === 0);
      }),
      { numRuns: 300 },
    );
  });

  it('holds every entry of a small log once', () => {
    for (let size = 1; size <= 70; size++) {
      const visit = (x: number | undefined): number[] =>
        x === undefined ? [] : [...visit(leftChild(x)), x, ...visit(rightChild(x, size))];
      expect(visit(rootOf(size))).toEqual(Array.from({ length: size }, (_, x) => x));
    }
  });

  it('refuses empty logs, sizes above 2^53-1 and entries outside', () => {
    for (const size of [0, -1, 1.5, 2 ** 53, Number.NaN]) expect(() => rootOf(size)).toThrow(OUT_OF_RANGE);
    for (const x of [-1, 5, 0.5, Number.NaN]) expect(() => pathTo(x, 5)).toThrow(OUT_OF_RANGE);
    expect(() => rightChild(5, 5)).toThrow(OUT_OF_RANGE);
    expect(() => frontier(0)).toThrow(OUT_OF_RANGE);
  });
});
