import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/core/error-codes.ts';
import type { Authorization } from '../../src/identity/authorization.ts';
import { type ChainInput, checkChain, type OpenedVersion, worstVerdict } from '../../src/identity/chain.ts';
import type { HeldVersion } from '../../src/identity/continuity.ts';
import { encodeIdentityRecord } from '../../src/identity/identity-record.ts';
import type { RecordLink } from '../../src/identity/record-link.ts';
import {
  byKey,
  changeRequest,
  fakeCertificate,
  type FakeKey,
  fakeKey,
  held,
  LABEL,
  openingOf,
  ORIGIN,
  PORTS,
  record,
} from './fake-pki.ts';

const [alice, phone, mallory] = [fakeKey(1), fakeKey(2), fakeKey(3)];
const certificate = (key: FakeKey, serial = 1) => fakeCertificate(key, serial);
const INITIAL: Authorization = { type: 'initial', evidence: { type: 'application' } };
const RENEWAL: Authorization = { type: 'maintenance', kind: 'renewal' };
const OPERATOR: Authorization = { type: 'operator', reason: 'x' };

// Version 0: alice; 1: adds her phone; 2: the CA renews; 3: the phone removes alice; 4: renewed again.
const v0 = held(0, record(undefined, [certificate(alice)], INITIAL));
const v1 = held(
  1,
  record(v0, [certificate(alice), certificate(phone)], byKey(alice, changeRequest(v0, [alice, phone]))),
);
const v2 = held(2, record(v1, [certificate(alice), certificate(phone), certificate(phone, 2)], RENEWAL));
const v3 = held(3, record(v2, [certificate(phone, 2)], byKey(phone, changeRequest(v2, [phone]))));
const v4 = held(4, record(v3, [certificate(phone, 3)], RENEWAL));

const link = (version: HeldVersion): RecordLink => ({
  opening: openingOf(version.version),
  value: encodeIdentityRecord(version.record),
});
const opened = (version: HeldVersion): OpenedVersion => ({
  version: version.version,
  commitment: version.commitment,
  ...link(version),
});
const chain = (
  from: HeldVersion | undefined,
  between: readonly (HeldVersion | undefined)[],
  latest: HeldVersion,
  but = {},
) => {
  const links = between.map((version) => version && link(version));
  const input: ChainInput = {
    origin: ORIGIN,
    label: LABEL,
    held: from,
    between: links,
    latest: opened(latest),
    ports: PORTS,
  };
  return checkChain({ ...input, ...but });
};
const refuses = async (outcome: Promise<unknown>, code: ErrorCode) =>
  expect(outcome).rejects.toThrow(expect.objectContaining({ code }));

describe('a chain that closes', () => {
  it.each([
    ['one link by a key', v0, [], v1, 'key', ['key']],
    ['one link of maintenance', v1, [], v2, 'maintenance', ['maintenance']],
    ['the whole of it', v0, [v1, v2, v3], v4, 'maintenance', ['key', 'maintenance', 'key', 'maintenance']],
    ['from the middle', v2, [v3], v4, 'maintenance', ['key', 'maintenance']],
  ] as const)('gives its worst link: %s', async (_, from, between, latest, verdict, types) => {
    const checked = await chain(from, between, latest);
    expect(checked.verdict).toBe(verdict);
    expect(checked.fault).toBeUndefined();
    expect(checked.latest).toEqual(latest);
    expect(checked.links).toEqual(types.map((type, i) => ({ version: from.version + 1 + i, type })));
  });

  it('shows an operator behind later links by keys', async () => {
    const swapped = held(1, record(v0, [certificate(mallory)], OPERATOR));
    const cover = held(
      2,
      record(swapped, [certificate(mallory, 2)], byKey(mallory, changeRequest(swapped, [mallory]))),
    );
    const more = held(3, record(cover, [certificate(mallory, 3)], RENEWAL));
    expect(await chain(v0, [swapped, cover], more)).toMatchObject({ verdict: 'operator' });
  });

  it('is unchanged where the version is the one that is held', async () => {
    expect(await chain(v3, [], v3)).toMatchObject({ verdict: 'unchanged', links: [] });
  });

  it('is first-seen where nothing is held', async () => {
    expect(await chain(undefined, [], v4)).toMatchObject({ verdict: 'first-seen', links: [] });
    expect(await chain(undefined, [], v0)).toMatchObject({
      verdict: 'first-seen',
      links: [{ version: 0, type: 'initial' }],
    });
  });
});

describe('a chain that does not close is unexplained', () => {
  const v1b = held(1, record(v0, [certificate(mallory)], byKey(mallory, changeRequest(v0, [mallory]))));
  const v2b = held(2, record(v1b, [certificate(mallory, 2)], RENEWAL));
  const orphan = held(2, record(v0, [certificate(alice)], RENEWAL));

  it.each<[string, HeldVersion, readonly (HeldVersion | undefined)[], HeldVersion, ErrorCode]>([
    ['a version is missing', v0, [v1, undefined, v3], v4, 'bad-chain'],
    ['the list is short', v0, [v1, v2], v4, 'bad-chain'],
    ['the list is empty', v0, [], v4, 'bad-chain'],
    ['the list is long', v0, [v1, v2, v3, v3], v4, 'bad-chain'],
    ['two versions are swapped', v0, [v2, v1, v3], v4, 'bad-chain'],
    ['a version is repeated', v0, [v1, v1, v3], v4, 'bad-chain'],
    ['the first link follows another version', v1b, [v2, v3], v4, 'bad-chain'],
    ['a stranger signed', v0, [], v1b, 'bad-change-signature'],
    ['a stranger signed, and the CA renewed', v0, [v1b], v2b, 'bad-change-signature'],
    ['a version between is left out', v1, [], orphan, 'bad-chain'],
    ['a later version is initial', v0, [], held(1, record(v0, [certificate(mallory)], INITIAL)), 'bad-record'],
  ])('%s', async (_, from, between, latest, code) => {
    const checked = await chain(from, between, latest);
    expect(checked).toMatchObject({ verdict: 'unexplained', fault: { code } });
    expect(checked.latest).toEqual(latest);
  });

  it.each<[string, Partial<RecordLink>]>([
    ['another opening', { opening: new Uint8Array(16) }],
    ['an opening of the wrong length', { opening: new Uint8Array(15) }],
    ['another value', { value: encodeIdentityRecord(v1b.record) }],
    ['no record', { value: Uint8Array.of(9) }],
  ])('a version between is shown with %s', async (_, but) => {
    const between = [{ ...link(v1), ...but }];
    expect(await chain(v0, [], v2, { between })).toMatchObject({ verdict: 'unexplained' });
  });

  it('version 0 cannot be one', async () => {
    const first = held(0, record(undefined, [certificate(alice)], RENEWAL));
    expect(await chain(undefined, [], first)).toMatchObject({ verdict: 'unexplained', fault: { code: 'bad-record' } });
  });
});

describe('what cannot be is thrown', () => {
  it('the log went back', () => refuses(chain(v3, [], v2), 'bad-chain'));

  it('the same version has another value', () => {
    const other = held(3, record(v2, [certificate(mallory)], OPERATOR));
    return refuses(chain(v3, [], other), 'bad-chain');
  });

  it.each<[string, Partial<OpenedVersion>, ErrorCode]>([
    ['the latest value does not open', { opening: new Uint8Array(16) }, 'bad-commitment'],
    ['the opening is short', { opening: new Uint8Array(3) }, 'bad-commitment'],
    ['it is another version', { version: 5 }, 'bad-commitment'],
    ['the value is another', { value: encodeIdentityRecord(v3.record) }, 'bad-commitment'],
  ])('%s', (_, but, code) => refuses(chain(v3, [], v4, { latest: { ...opened(v4), ...but } }), code));

  it('it is for another label', () => refuses(chain(v3, [], v4, { label: Uint8Array.of(1) }), 'bad-commitment'));

  it('a failure of the ports', () => {
    const ports = { ...PORTS, certificateSpki: () => Promise.reject(new TypeError('no parser')) };
    return expect(chain(v3, [], v4, { ports })).rejects.toThrow(TypeError);
  });
});

describe('verdicts', () => {
  it('rank from key to unexplained', () => {
    expect(worstVerdict([], 'unchanged')).toBe('unchanged');
    expect(worstVerdict(['key', 'recovery', 'maintenance'], 'unchanged')).toBe('recovery');
    expect(worstVerdict(['operator', 'unexplained', 'recovery'], 'unchanged')).toBe('unexplained');
  });
});
