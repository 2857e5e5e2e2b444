import { expect } from 'vitest';
import {
  baseBinaryLadder,
  monitoringBinaryLadder,
  searchBinaryLadder,
} from '../../../src/core/keytrans/binary-ladder.ts';
import type { Checker, VectorCase } from '../vector-file.ts';

function ladderOf(input: VectorCase['input']): number[] {
  switch (input.kind) {
    case 'base':
      return baseBinaryLadder(input.greatest);
    case 'search':
      return searchBinaryLadder(
        input.target,
        input.greatest,
        new Set(input.left_inclusion),
        new Set(input.right_non_inclusion),
      );
    case 'monitoring':
      return monitoringBinaryLadder(input.target);
    default:
      throw new Error(`unknown kind of ladder ${input.kind}`);
  }
}

const checkBinaryLadder: Checker = ({ input, expect: expected }) => {
  expect(ladderOf(input)).toEqual(expected.versions);
};

export default checkBinaryLadder;
