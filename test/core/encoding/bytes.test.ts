import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBase64, parseBase64 } from '../../../src/core/encoding/bytes.ts';

describe('base64', () => {
  it('is what the platform makes of the same bytes, and reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = formatBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(parseBase64(text)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['A', 'AA', 'AAA', 'AA=A', 'AB==', 'AAB=', 'A===', '====', 'AA==\n', ' AA=', 'AA-_'])('refuses %j', (text) =>
    expect(() => parseBase64(text)).toThrow(RangeError),
  );
});
