import { describe, expect, it } from 'vitest';
import { compactRange } from '../../../src/core/log/compact-range.ts';

describe('a compact range', () => {
  const head = new Uint8Array(32);

  it('has a head of 32 bytes for each bit of its size', () => {
    expect(compactRange(0, [])).toEqual({ size: 0, heads: [] });
    expect(compactRange(5, [head, head])).toEqual({ size: 5, heads: [head, head] });
    const refused = expect.objectContaining({ code: 'value-out-of-range' });
    for (const heads of [[], [head], [head, head, head], [head, new Uint8Array(31)], [new Uint8Array(33), head]]) {
      expect(() => compactRange(5, heads)).toThrow(refused);
    }
  });
});
