import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { appendLeaf, type CompactRange, EMPTY_RANGE, rangeRoot } from '../../../src/core/log/compact-range.ts';
import { logLeaf } from '../../../src/core/log/log-tree.ts';
import { keytransNodeHasher } from '../../../src/core/log/node-hasher.ts';
import type { Checker } from '../vector-file.ts';

const checkLogAppend: Checker = ({ input, expect: expected }) => {
  let range: CompactRange = EMPTY_RANGE;
  for (const [i, entry] of input.entries.entries()) {
    const leaf = logLeaf(entry.timestamp, parseHex(entry.prefix_tree));
    expect(formatHex(leaf)).toBe(input.leaves[i]);
    range = appendLeaf(range, leaf, keytransNodeHasher);
  }
  expect(range.size).toBe(input.size);
  expect(range.heads.map(formatHex)).toEqual(expected.full_subtrees);
  expect(formatHex(rangeRoot(range, keytransNodeHasher) as Uint8Array)).toBe(expected.root);
};

export default checkLogAppend;
