import { describe, expect, it } from 'vitest';
import { sharesPrefix } from '../../../src/core/prefix/key-bits.ts';

describe('sharesPrefix', () => {
  it('looks at the first bits and at no other', () => {
    const zero = new Uint8Array(32);
    for (const place of [0, 3, 7, 8, 15, 16, 248, 254, 255]) {
      const other = zero.slice();
      other[place >> 3]! |= 0x80 >> (place & 7);
      const differsWithin = [0, 1, 4, 7, 8, 9, 15, 16, 17, 248, 249, 254, 255].filter(
        (depth) => !sharesPrefix(zero, other, depth),
      );
      expect(differsWithin).toEqual(
        [0, 1, 4, 7, 8, 9, 15, 16, 17, 248, 249, 254, 255].filter((depth) => depth > place),
      );
    }
  });
});
