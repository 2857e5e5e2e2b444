import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { prefixProofCodec } from '../../../src/core/keytrans/proofs.ts';
import { evaluatePrefixProof } from '../../../src/core/prefix/prefix-proof.ts';
import type { Checker } from '../vector-file.ts';

/** Refused is: the proof is not one, or it is the proof of another tree. */
const checkTamperedPrefixTree: Checker = ({ input }) => {
  const searches = (input.searches as { vrf_output: string; commitment?: string }[]).map((search) => ({
    vrfOutput: parseHex(search.vrf_output),
    commitment: search.commitment === undefined ? undefined : parseHex(search.commitment),
  }));
  let root: string | undefined;
  try {
    root = formatHex(evaluatePrefixProof(decode(prefixProofCodec, parseHex(input.proof)), searches));
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
  }
  expect(root).not.toBe(input.root);
};

export default checkTamperedPrefixTree;
