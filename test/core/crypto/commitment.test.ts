import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commit,
  type CommitmentValue,
  encodeCommitmentValue,
  verifyCommitment,
} from '../../../src/core/crypto/commitment.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';

const BAD_COMMITMENT = expect.objectContaining({ code: 'bad-commitment' });

const values: fc.Arbitrary<CommitmentValue> = fc.record({
  opening: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  label: fc.uint8Array({ maxLength: 255 }),
  version: fc.nat({ max: 2 ** 32 - 1 }),
  update: fc.record({
    value: fc.uint8Array({ maxLength: 300 }),
    signature: fc.option(fc.uint8Array({ maxLength: 70 }), { nil: undefined }),
  }),
});

describe('commitments', () => {
  it('open to what was committed, and to nothing else', () => {
    fc.assert(
      fc.property(values, values, (value, other) => {
        const commitment = commit(value);
        verifyCommitment(commitment, value);
        if (formatHex(encodeCommitmentValue(value)) === formatHex(encodeCommitmentValue(other))) return;
        expect(() => verifyCommitment(commitment, other)).toThrow(BAD_COMMITMENT);
      }),
    );
  });

  it('cover each field', () => {
    const value: CommitmentValue = {
      opening: new Uint8Array(16),
      label: Uint8Array.of(1),
      version: 2 ** 32 - 1,
      update: { value: Uint8Array.of(2), signature: undefined },
    };
    const commitment = commit(value);
    const changes: readonly Partial<CommitmentValue>[] = [
      { opening: new Uint8Array(16).fill(1) },
      { label: Uint8Array.of(1, 0) },
      { version: 2 ** 32 - 2 },
      { update: { value: Uint8Array.of(3), signature: undefined } },
      { update: { value: Uint8Array.of(2), signature: new Uint8Array(0) } },
    ];
    for (const change of changes) {
      expect(() => verifyCommitment(commitment, { ...value, ...change })).toThrow(BAD_COMMITMENT);
    }
    expect(() => verifyCommitment(commitment.subarray(1), value)).toThrow(BAD_COMMITMENT);
  });

  it('have openings of 16 bytes', () => {
    const update = { value: new Uint8Array(0), signature: undefined };
    for (const length of [0, 15, 17, 32]) {
      const value = { opening: new Uint8Array(length), label: new Uint8Array(0), version: 0, update };
      expect(() => commit(value)).toThrow(expect.objectContaining({ code: 'value-out-of-range' }));
    }
  });
});
