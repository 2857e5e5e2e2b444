import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  distinguishedOnPath,
  isDistinguished,
  rightmostDistinguished,
  runOnTimestamps,
} from '../../../src/core/keytrans/distinguished.ts';
import { leftChild, pathTo, rightChild, rootOf } from '../../../src/core/keytrans/implicit-search-tree.ts';

/** Timestamps that never fall, from a step a time. */
const histories = fc
  .array(fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 200 })), { minLength: 1, maxLength: 80 })
  .map((steps) => {
    let now = 0;
    return steps.map((step) => (now += step));
  });
const windows = fc.nat({ max: 500 });

/** All distinguished entries by the recursion of KT §6.1, ascending. */
function distinguishedEntries(timestamps: readonly number[], window: number): number[] {
  const size = timestamps.length;
  const found: number[] = [];
  const visit = (x: number | undefined, left: number, right: number): void => {
    if (x === undefined || right - left < window) return;
    const timestamp = timestamps[x] as number;
    visit(leftChild(x), left, timestamp);
    found.push(x);
    visit(rightChild(x, size), timestamp, right);
  };
  visit(rootOf(size), 0, timestamps[size - 1] as number);
  return found;
}

function ours(timestamps: readonly number[], window: number): { rightmost: number | undefined; all: number[] } {
  const size = timestamps.length;
  const timestampOf = (position: number): number => timestamps[position] as number;
  return {
    rightmost: runOnTimestamps(rightmostDistinguished(size, window), timestampOf),
    all: timestamps.flatMap((_, x) => (runOnTimestamps(isDistinguished(x, size, window), timestampOf) ? [x] : [])),
  };
}

describe('distinguished entries', () => {
  it('are those of the recursive definition', () => {
    fc.assert(
      fc.property(histories, windows, (timestamps, window) => {
        const expected = distinguishedEntries(timestamps, window);
        expect(ours(timestamps, window)).toEqual({ rightmost: expected.at(-1), all: expected });
      }),
    );
  });

  it('need the whole window, and no more', () => {
    const timestamps = [5, 10, 20];
    expect(ours(timestamps, 20)).toEqual({ rightmost: 1, all: [1] });
    expect(ours(timestamps, 21)).toEqual({ rightmost: undefined, all: [] });
    expect(ours(timestamps, 10)).toEqual({ rightmost: 2, all: [0, 1, 2] });
    expect(ours(timestamps, 11)).toEqual({ rightmost: 1, all: [1] });
  });

  it('come first on the path to any entry, and no timestamp is asked for below them', () => {
    fc.assert(
      fc.property(histories, windows, (timestamps, window) => {
        const size = timestamps.length;
        const distinguished = distinguishedEntries(timestamps, window);
        for (let position = 0; position < size; position++) {
          const asked: number[] = [];
          const found = runOnTimestamps(distinguishedOnPath(position, size, window), (entry) => {
            asked.push(entry);
            return timestamps[entry] as number;
          });
          expect(found).toEqual(pathTo(position, size).filter((entry) => distinguished.includes(entry)));
          expect(asked).toEqual([size - 1, ...found.filter((entry) => entry !== position)]);
        }
      }),
      { numRuns: 30 },
    );
    const exact = (window: number) =>
      runOnTimestamps(distinguishedOnPath(2, 3, window), (position) => [5, 10, 20][position] as number);
    expect([exact(10), exact(11), exact(20), exact(21)]).toEqual([[1, 2], [1], [1], []]);
  });

  it('stay distinguished as the log grows', () => {
    fc.assert(
      fc.property(histories, windows, (timestamps, window) => {
        let before: number[] = [];
        for (let size = 1; size <= timestamps.length; size++) {
          const { all } = ours(timestamps.slice(0, size), window);
          expect(all).toEqual(expect.arrayContaining(before));
          before = all;
        }
      }),
      { numRuns: 30 },
    );
  });

  it('are all entries where the window is zero', () => {
    expect(ours([5, 5, 5, 6, 7], 0)).toEqual({ rightmost: 4, all: [0, 1, 2, 3, 4] });
  });

  it('are none where the whole log is younger than the window', () => {
    expect(ours([1, 2, 3], 100)).toEqual({ rightmost: undefined, all: [] });
  });

  it('are found in a log of 2^53-1 entries with few timestamps', () => {
    const size = 2 ** 53 - 1;
    const asked: number[] = [];
    const timestampOf = (position: number): number => {
      asked.push(position);
      return Math.floor(position / 2 ** 10);
    };
    const rightmost = runOnTimestamps(rightmostDistinguished(size, 2 ** 20), timestampOf) as number;
    expect(runOnTimestamps(isDistinguished(rightmost, size, 2 ** 20), timestampOf)).toBe(true);
    expect(asked.length).toBeLessThanOrEqual(2 * 55);
  });
});
