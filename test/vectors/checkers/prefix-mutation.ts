import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { prefixProofCodec } from '../../../src/core/keytrans/proofs.ts';
import { evaluatePrefixInsertion } from '../../../src/core/prefix/prefix-proof.ts';
import { TileStore } from '../../core/prefix/tile-store.ts';
import type { Checker } from '../vector-file.ts';
import { readLeaves } from './prefix-tree.ts';

const checkPrefixMutation: Checker = ({ input, expect: expected }) => {
  const store = new TileStore();
  const old = store.build(readLeaves(input.entries));
  expect(formatHex(old.hash)).toBe(expected.before);
  if (input.remove.length > 0) return { notApplicable: 'our prefix trees never lose a leaf' };
  const added = readLeaves(input.add);
  const { before, after } = evaluatePrefixInsertion(decode(prefixProofCodec, parseHex(expected.proof)), added);
  expect([formatHex(before), formatHex(after)]).toEqual([expected.before, expected.after]);
  const { root, proof } = store.insert(old, added, 1000);
  expect(formatHex(root.hash)).toBe(expected.after);
  expect(formatHex(encode(prefixProofCodec, proof))).toBe(expected.proof);
};

export default checkPrefixMutation;
