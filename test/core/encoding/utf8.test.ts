import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLossyUtf8, equalBytes } from '../../../src/core/encoding/bytes.ts';
import { decodeUtf8ByHand, encodeUtf8ByHand } from '../../../src/core/encoding/utf8.ts';

const PLATFORM = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function outcome(decode: (bytes: Uint8Array) => string, bytes: Uint8Array): string | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    return error instanceof TypeError ? undefined : 'another error';
  }
}

describe('UTF-8 by hand', () => {
  it('encodes any text as the platform does, lone surrogates too', () => {
    const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
    fc.assert(fc.property(text, (one) => equalBytes(encodeUtf8ByHand(one), new TextEncoder().encode(one))));
    const whole = fc.string({ unit: 'binary' });
    fc.assert(fc.property(whole, (one) => decodeUtf8ByHand(encodeUtf8ByHand(one)) === one));
  });

  it('accepts and refuses the same bytes as the platform', () => {
    const decodePlatform = (bytes: Uint8Array): string => PLATFORM.decode(bytes);
    const byte = fc.constantFrom(
      0x00,
      0x41,
      0x7f,
      0x80,
      0x8f,
      0x9f,
      0xa0,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
      0xff,
    );
    const hard = fc.array(byte, { maxLength: 8 }).map((bytes) => Uint8Array.from(bytes));
    for (const bytes of [hard, fc.uint8Array({ maxLength: 8 })]) {
      fc.assert(
        fc.property(bytes, (one) => outcome(decodeUtf8ByHand, one) === outcome(decodePlatform, one)),
        { numRuns: 5000 },
      );
    }
  });

  it('shows what is no UTF-8 as question marks', () => {
    expect(decodeLossyUtf8(Uint8Array.of(0x41, 0xff, 0xc3, 0x42))).toBe('A??B');
    expect(decodeLossyUtf8(Uint8Array.of(0xc3, 0xa9))).toBe('é');
  });
});
