import { expect } from 'vitest';
import {
  commit,
  type CommitmentValue,
  encodeCommitmentValue,
  verifyCommitment,
} from '../../../src/core/crypto/commitment.ts';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import type { Checker, VectorCase } from '../vector-file.ts';

/** The CommitmentValue that a case describes. */
export function readCommitmentValue(input: VectorCase['input']): CommitmentValue {
  const suffix: string | undefined = input.update.suffix ?? input.update.signature;
  return {
    opening: parseHex(input.opening),
    label: parseHex(input.label),
    version: input.version,
    update: { value: parseHex(input.update.value), signature: suffix === undefined ? undefined : parseHex(suffix) },
  };
}

const checkCommitment: Checker = ({ input, expect: expected }) => {
  const value = readCommitmentValue(input);
  if (expected.error === true) {
    expect(() => verifyCommitment(parseHex(input.commitment), value)).toThrow(/commitment/);
    return;
  }
  expect(formatHex(encodeCommitmentValue(value))).toBe(expected.commitment_value);
  expect(formatHex(commit(value))).toBe(expected.commitment);
};

export default checkCommitment;
