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

  it('reads no other text of the same bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 20 }),
        fc.nat(),
        fc.constantFrom('A', 'Q', 'g', 'w', '/', '+', '9', '='),
        (bytes, at, char) => {
          const text = formatBase64(bytes);
          const changed = text.slice(0, at % (text.length + 1)) + char + text.slice((at % (text.length + 1)) + 1);
          let read: Uint8Array | undefined;
          try {
            read = parseBase64(changed);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
          }
          if (read !== undefined) expect(formatBase64(read)).toBe(changed);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each(['A', 'AA', 'AAA', 'AA=A', 'AB==', 'AAB=', 'A===', '====', 'AA==\n', ' AA=', 'AA-_'])('refuses %j', (text) =>
    expect(() => parseBase64(text)).toThrow(RangeError),
  );
});
