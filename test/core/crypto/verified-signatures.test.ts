import { describe, expect, it } from 'vitest';
import { type SignedMessage, VerifiedSignatures } from '../../../src/core/crypto/verified-signatures.ts';

const bytes = (...values: number[]) => new Uint8Array(values);
const signed = (n = 0): SignedMessage => ({ publicKey: bytes(1), message: bytes(2, n), signature: bytes(3) });

/** Counts what is really verified. */
function counting(capacity = 4) {
  const verified = new VerifiedSignatures(capacity);
  let count = 0;
  return {
    count: () => count,
    verify: (one: SignedMessage, holds = true) =>
      verified.verify(one, () => {
        count++;
        if (!holds) throw new Error('no');
      }),
  };
}

describe('signatures that were verified', () => {
  it('are verified once', () => {
    const { verify, count } = counting();
    for (let i = 0; i < 5; i++) verify(signed());
    expect(count()).toBe(1);
  });

  it('are others with any byte changed', () => {
    const { verify, count } = counting();
    verify(signed());
    for (const field of ['publicKey', 'message', 'signature'] as const) {
      for (const other of [bytes(9, 0), bytes(), bytes(...signed()[field], 0)]) {
        expect(() => verify({ ...signed(), [field]: other }, false)).toThrow('no');
      }
    }
    expect(count()).toBe(10);
  });

  it('are not remembered where they did not hold', () => {
    const { verify, count } = counting();
    expect(() => verify(signed(), false)).toThrow('no');
    expect(() => verify(signed(), false)).toThrow('no');
    verify(signed());
    expect(count()).toBe(3);
  });

  it('are remembered as they were, and only the last few', () => {
    const { verify, count } = counting(2);
    const changing = signed();
    verify(changing);
    changing.message[1] = 7;
    expect(() => verify(changing, false)).toThrow('no');
    verify(signed(1));
    verify(signed());
    expect(count()).toBe(3);
    verify(signed(2));
    verify(signed());
    expect(count()).toBe(5);
  });
});
