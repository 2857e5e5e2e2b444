import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { appendLeaf, type CompactRange, EMPTY_RANGE, rangeRoot } from '../../../src/core/log/compact-range.ts';
import { logLeaf } from '../../../src/core/log/log-tree.ts';
import { keytransNodeHasher } from '../../../src/core/log/node-hasher.ts';
import type { Checker } from '../vector-file.ts';

const checkLogAppend: Checker = ({ input, expect: expected }) => {
  let range: CompactRange = EMPTY_RANGE;
  // `entries` are the last ones of the log, `leaves` those of all.
  const first = input.leaves.length - input.entries.length;
  for (const [i, entry] of input.entries.entries()) {
    expect(formatHex(logLeaf(entry.timestamp, parseHex(entry.prefix_tree)))).toBe(input.leaves[first + i]);
  }
  for (const leaf of input.leaves) range = appendLeaf(range, parseHex(leaf), keytransNodeHasher);
  expect(range.size).toBe(input.size);
  expect(range.heads.map(formatHex)).toEqual(expected.full_subtrees);
  expect(formatHex(rangeRoot(range, keytransNodeHasher) as Uint8Array)).toBe(expected.root);
};

export default checkLogAppend;
