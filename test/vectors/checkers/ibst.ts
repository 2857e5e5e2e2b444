import { expect } from 'vitest';
import { frontier, leftChild, rightChild, rootOf } from '../../../src/core/keytrans/implicit-search-tree.ts';
import type { Checker } from '../vector-file.ts';

const checkSearchTree: Checker = ({ input, expect: expected }) => {
  if (!Number.isSafeInteger(input.size)) {
    expect(() => rootOf(input.size)).toThrow(/2\^53/);
    return { notApplicable: 'positions of ours end at 2^53-1, and a larger size is refused' };
  }
  expect(rootOf(input.size)).toBe(expected.root);
  expect(frontier(input.size)).toEqual(expected.frontier);
  for (const node of expected.nodes) {
    expect(leftChild(node.index) ?? null).toBe(node.left);
    expect(rightChild(node.index, input.size) ?? null).toBe(node.right);
  }
};

export default checkSearchTree;
