import { expect, it } from 'vitest';
import { runAlgorithm } from '../../../src/core/keytrans/evidence.ts';
import { updateView, updateViewPositions } from '../../../src/core/keytrans/update-view.ts';

/** The path from the root to an entry by the recursive definition (KT §4.1): what entries start <= x < end make. */
function path(start: number, end: number, x: number): number[] {
  let power = 1;
  while (power * 2 <= end - start) power *= 2;
  const root = start + power - 1;
  if (x === root) return [root];
  return [root, ...(x < root ? path(start, root, x) : path(root + 1, end, x))];
}

it('a view is brought up to date by the new entries above the old rightmost one and on the new frontier', () => {
  for (let size = 1; size <= 70; size++) {
    const frontier = path(0, size, size - 1);
    expect(updateViewPositions(size, undefined)).toEqual(frontier);
    expect(updateViewPositions(size, size)).toEqual([]);
    for (let last = 1; last < size; last++) {
      const wanted = new Set([...path(0, size, last - 1), ...frontier].filter((position) => position >= last));
      const positions = [...wanted].sort((a, b) => a - b);
      expect(updateViewPositions(size, last)).toEqual(positions);
      const asked: unknown[] = [];
      runAlgorithm(updateView(size, last), (question) => asked.push(question));
      expect(asked).toEqual(positions.map((position) => ({ kind: 'timestamp', position })));
    }
  }
});

it('a log does not shrink', () => {
  const refused = expect.objectContaining({ name: 'GlasskeyError', code: 'view-mismatch' });
  for (const last of [-1, 0, 6, 2 ** 40]) expect(() => updateViewPositions(5, last)).toThrow(refused);
});
