import { expect } from 'vitest';
import { interpretSearchLadder, searchBinaryLadder } from '../../../src/core/keytrans/binary-ladder.ts';
import type { Checker } from '../vector-file.ts';

const checkInterpretation: Checker = ({ input, expect: expected }) => {
  expect(interpretSearchLadder(input.target, input.results)).toBe(expected.verdict);
  expect(() => interpretSearchLadder(input.target, [...input.results, false])).toThrow(/ladder/);
  expect(() => interpretSearchLadder(input.target, input.results.slice(0, -1))).toThrow(/ladder/);
  expect(searchBinaryLadder(input.target, input.greatest)).toEqual(input.ladder);
};

export default checkInterpretation;
