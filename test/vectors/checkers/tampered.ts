import { expect } from 'vitest';
import { verifyCommitment } from '../../../src/core/crypto/commitment.ts';
import { parseHex } from '../../../src/core/encoding/bytes.ts';
import { verifyTreeHead } from '../../../src/core/keytrans/tree-head.ts';
import { encodeVrfInput } from '../../../src/core/keytrans/vrf-input.ts';
import { type Checker, suiteOf, type VectorCase, type VectorFile } from '../vector-file.ts';
import { readCommitmentValue } from './commitment.ts';
import checkTamperedLogTree from './tampered-log-tree.ts';
import checkTamperedPrefixTree from './tampered-prefix-tree.ts';
import { readConfiguration } from './tree-head.ts';

function verify(input: VectorCase['input'], file: VectorFile): void {
  switch (input.kind) {
    case 'vrf':
      suiteOf(file).verifyVrf(
        parseHex(input.public_key),
        encodeVrfInput(parseHex(input.label), input.version),
        parseHex(input.proof),
      );
      return;
    case 'commitment':
      verifyCommitment(parseHex(input.commitment), readCommitmentValue(input));
      return;
    case 'tree-head':
      verifyTreeHead(
        readConfiguration(input, file),
        { treeSize: input.tree_size, signature: parseHex(input.signature) },
        parseHex(input.root),
      );
      return;
    default:
      throw new Error(`unknown kind ${input.kind}`);
  }
}

const checkTampered: Checker = (vector, file) => {
  if (vector.input.kind === 'log-tree') return checkTamperedLogTree(vector, file);
  if (vector.input.kind === 'prefix-tree') return checkTamperedPrefixTree(vector, file);
  expect(() => verify(vector.input, file)).toThrow(expect.objectContaining({ name: 'GlasskeyError' }));
};

export default checkTampered;
