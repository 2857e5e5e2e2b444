import { expect } from 'vitest';
import { batchCopath, fullSubtrees } from '../../../src/core/log/log-tree.ts';
import type { TreeNode } from '../../../src/core/log/tree-node.ts';
import type { Checker } from '../vector-file.ts';

/** The flat index that the vectors use: leaf i is 2i, and a balanced subtree over [start, start+len) is 2*start+len-1. */
function flatIndex(node: TreeNode): number {
  const length = 2 ** node.level;
  return 2 * node.index * length + length - 1;
}

const checkLogMath: Checker = ({ input, expect: expected }) => {
  const nodes =
    input.kind === 'full-subtrees'
      ? fullSubtrees(input.size)
      : batchCopath({
          size: input.size,
          leaves: input.leaves,
          retainedSize: input.retained_size,
          auditedSize: undefined,
        });
  expect(nodes.map(flatIndex)).toEqual(expected.indices);
};

export default checkLogMath;
