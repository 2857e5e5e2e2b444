import { describe, expect, it } from 'vitest';
import { mlDsaPrivateKey, mlDsaSpki } from '../../src/ca/ml-dsa-private-key.ts';
import { isMlDsaSpki, ML_DSA_SETS } from '../../src/core/crypto/ml-dsa-sets.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { MAX_SIGNATURE_FORMAT_1, MAX_SIGNATURE_FORMAT_2 } from '../../src/identity/authorization.ts';
import { checkTransition } from '../../src/identity/continuity.ts';
import {
  decodeIdentityRecord,
  encodeIdentityRecord,
  type IdentityRecord,
  identityRecordCodec,
  MAX_RECORD_BYTES,
} from '../../src/identity/identity-record.ts';
import { inItsFormat } from '../../src/identity/record-format.ts';
import type { ContinuityPorts } from '../../src/identity/spki-set.ts';
import { fakeCertificate, fakeKey, LABEL, ORIGIN, PORTS, record } from './fake-pki.ts';

const CLASSICAL = fakeCertificate(fakeKey(1), 1);
const POST_QUANTUM = mlDsaSpki('ml-dsa-44', mlDsaPrivateKey('ml-dsa-44', new Uint8Array(32)).publicKey);
/** A "certificate" of an ML-DSA key is the key itself. */
const ports: ContinuityPorts = {
  ...PORTS,
  certificateSpki: (certificate) => (isMlDsaSpki(certificate) ? certificate : PORTS.certificateSpki(certificate)),
  certificateCompanions: () => undefined,
};
const INITIAL = { type: 'initial', evidence: { type: 'application' } } as const;
const first = (...certificates: readonly Uint8Array[]): IdentityRecord => record(undefined, certificates, INITIAL);
const signed = (length: number): IdentityRecord =>
  record(undefined, [], { type: 'key', signer: new Uint8Array(32), signature: new Uint8Array(length) });
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe('the format of a record', () => {
  it.each([
    ['a classical key', first(CLASSICAL), undefined],
    ['an ML-DSA key', first(POST_QUANTUM), 2],
    ['both kinds of keys', first(CLASSICAL, POST_QUANTUM), 2],
    ['a short signature', signed(MAX_SIGNATURE_FORMAT_1), undefined],
    ['a long signature', signed(MAX_SIGNATURE_FORMAT_1 + 1), 2],
    ['format 2 without need', { format: 2, ...first(CLASSICAL) } as const, undefined],
  ])('follows from %s', async (_, content, format) => {
    const made = await inItsFormat(content, ports);
    expect(made.format).toBe(format);
    const value = encodeIdentityRecord(made);
    expect(value[0]).toBe(format ?? 1);
    expect(decodeIdentityRecord(value)).toEqual(made);
  });

  it.each([
    ['1 with an ML-DSA key', first(POST_QUANTUM)],
    ['2 without', { format: 2, ...first(CLASSICAL) } as const],
  ])('is not %s: no version of an identity has such a record', async (_, next) => {
    const transition = { origin: ORIGIN, label: LABEL, version: 0, previous: undefined, ports };
    await expect(checkTransition({ ...transition, next })).rejects.toEqual(code('bad-record'));
    const right = await inItsFormat(next, ports);
    expect(await checkTransition({ ...transition, next: right })).toBe('initial');
  });

  it('bounds signatures and records', () => {
    expect(() => encodeIdentityRecord(signed(MAX_SIGNATURE_FORMAT_1 + 1))).toThrow(code('value-out-of-range'));
    const long = { format: 2, ...signed(MAX_SIGNATURE_FORMAT_2 + 1) } as const;
    expect(() => encodeIdentityRecord(long)).toThrow(code('value-out-of-range'));
    const certificates = Array.from({ length: 9 }, () => new Uint8Array(0xffff));
    const huge = { format: 2, ...first(...certificates) } as const;
    expect(() => encodeIdentityRecord(huge)).toThrow(code('value-out-of-range'));
    const value = encode(identityRecordCodec, huge);
    expect(value.length).toBeGreaterThan(MAX_RECORD_BYTES);
    expect(() => decodeIdentityRecord(value)).toThrow(code('malformed-encoding'));
    // A log from before the bound may hold such a record of format 1.
    expect(decodeIdentityRecord(encode(identityRecordCodec, first(...certificates)))).toEqual(first(...certificates));
  });

  it('of the future is refused', () => {
    const value = encodeIdentityRecord(first(CLASSICAL));
    for (const format of [0, 3, 255]) {
      value[0] = format;
      expect(() => decode(identityRecordCodec, value)).toThrow(code('malformed-encoding'));
    }
  });
});

it.each(ML_DSA_SETS)('a key of %s is told from its SubjectPublicKeyInfo alone', (set) => {
  const spki = mlDsaSpki(set, mlDsaPrivateKey(set, new Uint8Array(32)).publicKey);
  expect(isMlDsaSpki(spki)).toBe(true);
  for (const wrong of [spki.subarray(1), spki.subarray(0, 16), new Uint8Array(), new Uint8Array(32)]) {
    expect(isMlDsaSpki(wrong)).toBe(false);
  }
});
