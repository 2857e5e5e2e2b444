import { expect } from 'vitest';
import { directPath, frontier } from '../../../src/core/keytrans/implicit-search-tree.ts';
import { updateViewPositions } from '../../../src/core/keytrans/update-view.ts';
import type { Checker } from '../vector-file.ts';

/** The reading of the draft before August 2026: no restart where entry `last-1` is still on the frontier (KT §4.2). */
export function olderReading(size: number, last: number | undefined): number[] {
  if (last === undefined) return frontier(size);
  const path = directPath(last - 1, size).filter((position) => position >= last);
  const edge = path.at(-1);
  return edge === undefined ? [] : [...path, ...frontier(size).filter((position) => position > edge)];
}

const checkUpdateView: Checker = ({ input, expect: expected }) => {
  const { size, advertised } = input as { size: number; advertised?: number };
  if (advertised === undefined) expect(frontier(size)).toEqual(expected.frontier);
  expect(olderReading(size, advertised)).toEqual(expected.entries);
  const positions = updateViewPositions(size, advertised);
  if (expected.right_edge_unchecked === true) {
    // The current text starts again from entry advertised-1 and so checks the right edge, which the older one did not.
    expect(positions).toEqual(frontier(size).filter((position) => position >= (advertised as number)));
    expect(positions.at(-1)).toBe(size - 1);
    return;
  }
  expect(positions).toEqual(expected.entries);
};

export default checkUpdateView;
