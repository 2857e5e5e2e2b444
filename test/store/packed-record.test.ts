import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packRecord, unpackRecord } from '../../src/store/packed-record.ts';
import { RECORD_DICTIONARY } from '../../src/store/record-dictionary.ts';

/** A record begins with the number of its format. */
const record = fc.uint8Array({ maxLength: 3_000 }).map((rest) => Uint8Array.of(1, ...rest));
const part = RECORD_DICTIONARY.subarray(400, 900);

describe('a packed record', () => {
  it('is the record again, whatever it is', () => {
    fc.assert(
      fc.property(record, fc.nat(3_000), (bytes, at) => {
        const familiar = Uint8Array.of(...bytes.subarray(0, at), ...part, ...bytes.subarray(at));
        for (const one of [bytes, familiar]) expect(unpackRecord(packRecord(one))).toEqual(one);
      }),
    );
  });

  it('is much shorter where it has what most records have', () => {
    expect(packRecord(Uint8Array.of(1, ...part)).length).toBeLessThan(30);
  });

  it('is never longer', () => {
    fc.assert(fc.property(record, (bytes) => packRecord(bytes).length <= bytes.length));
    const long = new Uint8Array(70_000).fill(1);
    expect(packRecord(long)).toEqual(long);
  });

  it('is told from one that is not packed, even if that begins with 0', () => {
    for (const bytes of [Uint8Array.of(0), Uint8Array.of(0, 1, 0, 1, 0), new Uint8Array(100)]) {
      expect(unpackRecord(packRecord(bytes))).toEqual(bytes);
    }
  });

  it('that is damaged is given back as it is, for the commitment to refuse', () => {
    const packed = packRecord(Uint8Array.of(1, ...part));
    for (let i = 0; i < packed.length; i++) {
      const damaged = packed.with(i, (packed[i] as number) ^ 0x41);
      expect(unpackRecord(damaged)).not.toEqual(Uint8Array.of(1, ...part));
    }
    for (const cut of [1, 3, 4, packed.length - 1])
      expect(unpackRecord(packed.subarray(0, cut))).toEqual(packed.subarray(0, cut));
    expect(unpackRecord(null)).toBeUndefined();
  });

  it('of blocks without content is not inflated, and a record has memory of its own', () => {
    const empty = Uint8Array.of(0, 1, 0, 0, ...Array.from({ length: 1_000 }, () => [0, 0, 0, 0xff, 0xff]).flat(), 3, 0);
    expect(unpackRecord(empty)).toBe(empty);
    const small = unpackRecord(packRecord(Uint8Array.of(1, ...part)))!;
    expect(small.buffer.byteLength).toBe(small.length);
  });

  it('inflates to no more than its row says', () => {
    const bomb = packRecord(new Uint8Array(60_000).fill(1)).with(2, 0).with(3, 9);
    expect(unpackRecord(bomb)).toEqual(bomb);
  });
});

it('the dictionary is the one that rows refer to, for ever', () => {
  expect([RECORD_DICTIONARY.length, createHash('sha256').update(RECORD_DICTIONARY).digest('hex')]).toEqual([
    1571,
    'e2b612a818b323871cdbf16e946aaecb070214477b5ea30eec2b9fca9e2c8292',
  ]);
});
