import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { inclusionProofCodec } from '../../../src/core/keytrans/proofs.ts';
import { appendLeaf, type CompactRange, EMPTY_RANGE } from '../../../src/core/log/compact-range.ts';
import { batchCopath, evaluateLogProof, logLeaf } from '../../../src/core/log/log-tree.ts';
import { keytransNodeHasher } from '../../../src/core/log/node-hasher.ts';
import { appendLeaves, EMPTY_EDGE, nodeFromEdge } from '../../../src/core/log/tiled-tree.ts';
import type { Checker } from '../vector-file.ts';

const checkLogTree: Checker = ({ input, expect: expected }) => {
  const leaves: Uint8Array[] = input.entries.map((entry: { timestamp: number; prefix_tree: string }) =>
    logLeaf(entry.timestamp, parseHex(entry.prefix_tree)),
  );
  expect(leaves.map(formatHex)).toEqual(expected.leaf_values);
  const ranges: CompactRange[] = [EMPTY_RANGE];
  for (const leaf of leaves) ranges.push(appendLeaf(ranges.at(-1) as CompactRange, leaf, keytransNodeHasher));
  const { edge } = appendLeaves(EMPTY_EDGE, leaves, keytransNodeHasher);
  const size = leaves.length;
  for (const [i, request] of input.requests.entries()) {
    const { proof, elements } = expected.proofs[i];
    const retainedSize: number | undefined = request.retained_size;
    const shape = { size, leaves: request.proven_leaves as number[], retainedSize, auditedSize: undefined };
    const produced = { elements: batchCopath(shape).map((node) => nodeFromEdge(edge, node, keytransNodeHasher)) };
    expect(produced.elements.map(formatHex)).toEqual(elements);
    expect(formatHex(encode(inclusionProofCodec, produced))).toBe(proof);
    const result = evaluateLogProof(shape, {
      leafValues: shape.leaves.map((position) => leaves[position] as Uint8Array),
      retained: retainedSize === undefined ? [] : (ranges[retainedSize] as CompactRange).heads,
      elements: decode(inclusionProofCodec, parseHex(proof)).elements,
    });
    expect(formatHex(result.root)).toBe(expected.root);
    expect(result.fullSubtrees.map(formatHex)).toEqual(expected.full_subtrees);
  }
};

export default checkLogTree;
