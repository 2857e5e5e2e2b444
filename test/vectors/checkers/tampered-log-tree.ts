import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { evaluateLogProof } from '../../../src/core/log/log-tree.ts';
import type { Checker } from '../vector-file.ts';

/** Refused is: an error, or another root than the true one. A client without a view retains nothing. */
const checkTamperedLogTree: Checker = ({ input }) => {
  const retainedSize: number | undefined = input.retained_size;
  const shape = { size: input.size, leaves: input.entries, retainedSize, auditedSize: undefined };
  let root = 'refused';
  try {
    const leafValues = input.values.map(parseHex);
    const retained: Uint8Array[] = (input.retained ?? []).map(parseHex);
    root = formatHex(evaluateLogProof(shape, { leafValues, retained, elements: input.elements.map(parseHex) }).root);
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad-log-proof' });
  }
  expect(root).not.toBe(input.root);
};

export default checkTamperedLogTree;
