import { blake3 } from '@noble/hashes/blake3.js';
import { describe, expect, it } from 'vitest';
import { ShortBlake3 } from '../../src/akd/short-blake3.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';

describe('BLAKE3 of short inputs', () => {
  it('is that of another implementation, for every length of a chunk', () => {
    const hasher = new ShortBlake3(1024);
    const out = new DataView(new ArrayBuffer(40));
    for (let length = 0; length <= 1024; length++) {
      const input = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff);
      // What an earlier input left behind must not count.
      for (let i = 0; i < 1024; i++) hasher.input.setUint8(i, i < length ? (input[i] as number) : 0xff);
      hasher.hash(length, out, 4);
      expect(formatHex(new Uint8Array(out.buffer, 4, 32))).toBe(formatHex(blake3(input)));
    }
  });

  it('may be written over its own input', () => {
    const hasher = new ShortBlake3(64);
    for (let i = 0; i < 36; i++) hasher.input.setUint8(i, i);
    const expected = blake3(Uint8Array.from({ length: 36 }, (_, i) => i));
    hasher.hash(36, hasher.input, 32);
    expect(formatHex(new Uint8Array(hasher.input.buffer, 32, 32))).toBe(formatHex(expected));
  });

  it.each([0, 1025, Number.NaN])('takes no inputs of up to %s bytes', (maximum) => {
    expect(() => new ShortBlake3(maximum)).toThrow(RangeError);
  });
});
