import { expect } from 'vitest';
import { isDistinguished, rightmostDistinguished, runOnTimestamps } from '../../../src/core/keytrans/distinguished.ts';
import type { Checker } from '../vector-file.ts';

const checkDistinguished: Checker = ({ input, expect: expected }) => {
  const { size, window } = input as { size: number; window: number };
  if (size === 0) return { notApplicable: 'a log of ours has at least entry 0' };
  const asked: number[] = [];
  const timestampOf = (position: number): number => {
    asked.push(position);
    return input.timestamps[position];
  };
  expect(runOnTimestamps(rightmostDistinguished(size, window), timestampOf)).toBe(expected.rightmost);
  expect(asked).toEqual(expected.requested_rightmost);
  const all = Array.from({ length: size }, (_, position) => position).filter((position) =>
    runOnTimestamps(isDistinguished(position, size, window), timestampOf),
  );
  expect(all.at(-1)).toBe(expected.rightmost);
  expect(all.findLast((position) => position < size - 1)).toBe(expected.previous_rightmost);
};

export default checkDistinguished;
