import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHex } from '../../../src/core/encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  optional,
  struct,
  uint16,
  uint32,
  uint64,
  uint8,
  vector,
} from '../../../src/core/encoding/codec.ts';
import { expectCodecLaws } from './codec-laws.ts';

const MALFORMED = expect.objectContaining({ code: 'malformed-encoding' });
const OUT_OF_RANGE = expect.objectContaining({ code: 'value-out-of-range' });

describe('the codecs of the presentation language', () => {
  it('keep the laws', () => {
    expectCodecLaws(uint8, fc.nat({ max: 0xff }));
    expectCodecLaws(uint16, fc.nat({ max: 0xffff }));
    expectCodecLaws(uint32, fc.nat({ max: 0xffff_ffff }));
    expectCodecLaws(uint64, fc.maxSafeNat());
    expectCodecLaws(fixedBytes(5), fc.uint8Array({ minLength: 5, maxLength: 5 }));
    expectCodecLaws(bytes(1, 0xff), fc.uint8Array({ minLength: 1, maxLength: 255 }));
    expectCodecLaws(bytes(0, 0xffff), fc.uint8Array({ maxLength: 600 }));
    expectCodecLaws(vector(uint16, 0, 0xff), fc.array(fc.nat({ max: 0xffff })));
    expectCodecLaws(optional(uint32), fc.option(fc.nat({ max: 0xffff_ffff }), { nil: undefined }));
    expectCodecLaws(enumeration([1, 3, 7]), fc.constantFrom<1 | 3 | 7>(1, 3, 7));
    expectCodecLaws(
      struct<{ a: number; b: Uint8Array }>({ a: uint8, b: bytes(0, 0xff) }),
      fc.record({ a: fc.nat({ max: 255 }), b: fc.uint8Array({ maxLength: 20 }) }),
    );
  });

  it('write the greatest values and refuse greater ones', () => {
    const limits: readonly [Codec<number>, number, string][] = [
      [uint8, 0xff, 'ff'],
      [uint16, 0xffff, 'ffff'],
      [uint32, 2 ** 32 - 1, 'ffffffff'],
      [uint64, 2 ** 53 - 1, '001fffffffffffff'],
    ];
    for (const [codec, greatest, hex] of limits) {
      expect(encode(codec, greatest)).toEqual(parseHex(hex));
      expect(decode(codec, parseHex(hex))).toBe(greatest);
      for (const bad of [greatest + 1, -1, 0.5, Number.NaN]) expect(() => encode(codec, bad)).toThrow(OUT_OF_RANGE);
    }
    expect(() => decode(uint64, parseHex('0020000000000000'))).toThrow(MALFORMED);
    expect(() => decode(uint64, parseHex('ffffffffffffffff'))).toThrow(MALFORMED);
  });

  it('count elements, not bytes, in as many bytes as the maximum needs', () => {
    expect(encode(vector(uint32, 0, 0xff), [1, 2])).toEqual(parseHex('020000000100000002'));
    expect(encode(vector(uint8, 0, 0x100), [1])).toEqual(parseHex('000101'));
    expect(encode(bytes(0, 0x10000), Uint8Array.of(9))).toEqual(parseHex('0000000109'));
  });

  it('refuse lengths outside the bounds, both ways', () => {
    expect(() => decode(bytes(2, 4), parseHex('0101'))).toThrow(MALFORMED);
    expect(() => decode(bytes(2, 4), parseHex('050102030405'))).toThrow(MALFORMED);
    expect(() => encode(bytes(2, 4), new Uint8Array(5))).toThrow(OUT_OF_RANGE);
    expect(() => encode(vector(uint8, 1, 2), [])).toThrow(OUT_OF_RANGE);
    expect(() => encode(fixedBytes(4), new Uint8Array(5))).toThrow(OUT_OF_RANGE);
  });

  it('do not allocate what a length only claims', () => {
    expect(() => decode(bytes(0, 0xffff_ffff), parseHex('fffffffe00'))).toThrow(MALFORMED);
    expect(() => decode(vector(uint64, 0, 0xffff_ffff), parseHex('fffffffe00'))).toThrow(MALFORMED);
    expect(() => decode(vector(fixedBytes(0), 0, 0xffff_ffff), parseHex('fffffffe'))).toThrow(MALFORMED);
  });

  it('refuse a presence octet other than 0 and 1', () => {
    expect(() => decode(optional(uint8), parseHex('0201'))).toThrow(MALFORMED);
    expect(() => decode(optional(uint8), parseHex('0001'))).toThrow(MALFORMED);
  });
});
