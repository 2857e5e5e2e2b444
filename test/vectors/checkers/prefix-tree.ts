import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { type PrefixLeaf, prefixProofCodec } from '../../../src/core/keytrans/proofs.ts';
import { evaluatePrefixProof } from '../../../src/core/prefix/prefix-proof.ts';
import { TileStore } from '../../core/prefix/tile-store.ts';
import type { Checker } from '../vector-file.ts';

/** The leaves of a vector. */
export function readLeaves(leaves: readonly { vrf_output: string; commitment: string }[]): PrefixLeaf[] {
  return leaves.map((leaf) => ({ vrfOutput: parseHex(leaf.vrf_output), commitment: parseHex(leaf.commitment) }));
}

const checkPrefixTree: Checker = ({ input, expect: expected }) => {
  const keys = (input.searches as string[]).map(parseHex);
  const commitments = (expected.commitments as string[]).map((text) => (text === '' ? undefined : parseHex(text)));
  const searches = keys.map((vrfOutput, index) => ({ vrfOutput, commitment: commitments[index] }));
  const proof = decode(prefixProofCodec, parseHex(expected.proof));
  expect(formatHex(evaluatePrefixProof(proof, searches))).toBe(expected.root);
  for (const batch of [1, 2, 255]) {
    const store = new TileStore();
    const root = store.build(readLeaves(input.entries), batch);
    expect(formatHex(root.hash)).toBe(expected.root);
    expect(formatHex(encode(prefixProofCodec, store.prove(root, keys)))).toBe(expected.proof);
  }
};

export default checkPrefixTree;
