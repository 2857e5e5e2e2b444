import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes, concatBytes, encodeUtf8, formatHex } from '../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import {
  changeMessage,
  type ChangeRequest,
  changeRequestCodec,
  sortedHashSet,
} from '../../src/identity/change-request.ts';
import {
  decodeIdentityRecord,
  encodeIdentityRecord,
  type IdentityRecord,
  NO_COMMITMENT,
} from '../../src/identity/identity-record.ts';
import { changeRequest, hash, identityRecord } from './record-arbitraries.ts';

const malformed = expect.objectContaining({ code: 'malformed-encoding' });

describe('identity records', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(identityRecord, (value) => {
        expect(decodeIdentityRecord(encodeIdentityRecord(value))).toEqual(value);
      }),
    );
  });

  it('have one encoding: whatever is accepted is written the same way', () => {
    const flips = fc.tuple(identityRecord, fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(flips, ([value, at, mask]) => {
        const bytes = encodeIdentityRecord(value);
        const i = at % bytes.length;
        bytes[i] = (bytes[i] ?? 0) ^ mask;
        let read: IdentityRecord;
        try {
          read = decodeIdentityRecord(bytes);
        } catch (error) {
          expect(error).toEqual(malformed);
          return;
        }
        expect(formatHex(encodeIdentityRecord(read))).toBe(formatHex(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it('are refused truncated, and with a byte too many', () => {
    fc.assert(
      fc.property(identityRecord, fc.nat(), (value, cut) => {
        const bytes = encodeIdentityRecord(value);
        expect(() => decodeIdentityRecord(bytes.slice(0, cut % bytes.length))).toThrow(malformed);
        expect(() => decodeIdentityRecord(concatBytes(bytes, Uint8Array.of(0)))).toThrow(malformed);
      }),
    );
  });

  it('start with format 1 and lay their fields out as docs/spec.md says', () => {
    const record: IdentityRecord = {
      previousCommitment: NO_COMMITMENT,
      certificates: [Uint8Array.of(0xaa, 0xbb)],
      pending: undefined,
      authorization: { type: 'initial', evidence: { type: 'application' } },
    };
    expect(formatHex(encodeIdentityRecord(record))).toBe(`01${'00'.repeat(32)}010002aabb000101`);
    const bytes = encodeIdentityRecord(record);
    bytes[0] = 3;
    expect(() => decodeIdentityRecord(bytes)).toThrow(malformed);
  });

  it('hold at most 255 certificates, none of them empty', () => {
    const record = (certificates: readonly Uint8Array[]): IdentityRecord => ({
      previousCommitment: NO_COMMITMENT,
      certificates,
      pending: undefined,
      authorization: { type: 'operator', reason: 'x' },
    });
    const many = Array.from({ length: 255 }, () => Uint8Array.of(1));
    expect(decodeIdentityRecord(encodeIdentityRecord(record(many))).certificates).toHaveLength(255);
    const outOfRange = expect.objectContaining({ code: 'value-out-of-range' });
    expect(() => encodeIdentityRecord(record([...many, Uint8Array.of(1)]))).toThrow(outOfRange);
    expect(() => encodeIdentityRecord(record([new Uint8Array(0)]))).toThrow(outOfRange);
  });
});

describe('change requests', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(changeRequest, (value) => {
        expect(decode(changeRequestCodec, encode(changeRequestCodec, value))).toEqual(value);
      }),
    );
  });

  it('name keys in strictly ascending order', () => {
    const request = (spkisAfter: readonly Uint8Array[]): ChangeRequest => ({
      origin: 'o',
      label: Uint8Array.of(1),
      version: 1,
      previousCommitment: NO_COMMITMENT,
      spkisAfter,
    });
    const [low, high] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    for (const wrong of [
      [high, low],
      [low, low],
    ]) {
      expect(() => encode(changeRequestCodec, request(wrong))).toThrow(
        expect.objectContaining({ code: 'value-out-of-range' }),
      );
    }
    const bytes = encode(changeRequestCodec, request([low, high]));
    bytes.copyWithin(bytes.length - 32, bytes.length - 64, bytes.length - 32);
    expect(() => decode(changeRequestCodec, bytes)).toThrow(malformed);
  });

  it('have an origin of UTF-8', () => {
    const value: ChangeRequest = {
      origin: 'ab',
      label: Uint8Array.of(1),
      version: 1,
      previousCommitment: NO_COMMITMENT,
      spkisAfter: [],
    };
    const bytes = encode(changeRequestCodec, value);
    bytes[1] = 0xff;
    expect(() => decode(changeRequestCodec, bytes)).toThrow(malformed);
  });

  it('are signed behind a context', () => {
    expect(changeMessage(Uint8Array.of(7))).toEqual(concatBytes(encodeUtf8('glasskey change v1'), Uint8Array.of(0, 7)));
  });

  it('sort hashes into a set', () => {
    fc.assert(
      fc.property(fc.array(hash), (hashes) => {
        const sorted = sortedHashSet([...hashes, ...hashes]);
        expect(new Set(sorted.map(formatHex))).toEqual(new Set(hashes.map(formatHex)));
        sorted.slice(1).forEach((value, i) => expect(compareBytes(sorted[i] as Uint8Array, value)).toBeLessThan(0));
      }),
    );
  });
});
