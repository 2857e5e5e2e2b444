import fc from 'fast-check';
import { expect } from 'vitest';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { type Codec, decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';

/** What decoding came to: the value, or undefined where it was refused as it has to be. */
function attempt<T>(codec: Codec<T>, bytes: Uint8Array): { readonly value: T } | undefined {
  try {
    return { value: decode(codec, bytes) };
  } catch (error) {
    if (isGlasskeyError(error, 'malformed-encoding')) return undefined;
    throw error;
  }
}

/** At most so many places of an encoding are cut or changed. */
const PLACES = 24;

/**
 * The laws of every codec: a value comes back from its encoding; each proper prefix of an encoding, and each encoding
 * with something behind it, is refused as malformed; whatever else is accepted is the encoding of its value.
 */
export function expectCodecLaws<T>(codec: Codec<T>, values: fc.Arbitrary<T>, numRuns = 100): void {
  const change = fc.record({ place: fc.nat(), bit: fc.nat({ max: 7 }), tail: fc.uint8Array({ minLength: 1 }) });
  fc.assert(
    fc.property(values, change, (value, { place, bit, tail }) => {
      const bytes = encode(codec, value);
      expect(decode(codec, bytes)).toEqual(value);
      expect(attempt(codec, Uint8Array.of(...bytes, ...tail))).toBeUndefined();
      const step = Math.ceil(bytes.length / PLACES);
      for (let i = 0; i < bytes.length; i += step) {
        expect(attempt(codec, bytes.subarray(0, i))).toBeUndefined();
        expectCanonical(codec, bytes.with(i, (bytes[i] as number) ^ (1 << bit)));
      }
      if (bytes.length > 0) expectCanonical(codec, bytes.with(place % bytes.length, 0xff));
    }),
    { numRuns },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectCanonical(codec, bytes)));
}

function expectCanonical<T>(codec: Codec<T>, bytes: Uint8Array): void {
  const decoded = attempt(codec, bytes);
  if (decoded !== undefined) expect(formatHex(encode(codec, decoded.value))).toBe(formatHex(bytes));
}
