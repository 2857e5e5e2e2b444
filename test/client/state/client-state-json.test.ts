import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GlasskeyError } from '../../../src/core/errors.ts';
import { type ClientState, EMPTY_STATE, type OwnedVersion } from '../../../src/client/state/client-state.ts';
import { formatClientState, parseClientState } from '../../../src/client/state/client-state-json.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

const number = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 40 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const text = fc.string({ unit: 'grapheme' });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const byVersion = <T extends { version: number }>(arbitrary: fc.Arbitrary<T>) =>
  fc
    .uniqueArray(arbitrary, { selector: ({ version }) => version, maxLength: 5 })
    .map((all) => all.sort((a, b) => a.version - b.version));

const contact = fc.record({
  version: number,
  commitment: hash,
  value: bytes,
  monitored: fc
    .uniqueArray(fc.record({ position: number, version: number }), { selector: ({ position }) => position })
    .map((all) => all.sort((a, b) => a.position - b.position)),
  ladder: byVersion(fc.record({ version: number, vrfOutput: hash, commitment: maybe(hash) })),
  monitoredAtMs: maybe(number),
});
const owner = fc.record({
  state: maybe(bytes),
  versions: byVersion(
    fc.record({
      version: number,
      commitment: hash,
      origin: fc.constantFrom('made', 'adopted', 'maintenance', 'unexpected', 'acknowledged'),
      spkis: maybe(fc.array(hash)),
    }),
  ),
  monitoredAtMs: maybe(number),
});
const alert = fc.record(
  {
    identity: text,
    type: fc.constantFrom('operator', 'recovery', 'unexplained', 'unexpected-version'),
    version: number,
    reason: text,
    value: maybe(bytes),
    seenAtMs: number,
    afterAbsence: fc.constant(true as const),
  },
  { requiredKeys: ['identity', 'type', 'version', 'reason', 'value', 'seenAtMs'] },
);
const mark = fc.record(
  { version: number, commitment: hash, keys: fc.array(hash, { maxLength: 2 }), markedAtMs: number, lostAt: number },
  { requiredKeys: ['version', 'commitment', 'keys', 'markedAtMs'] },
);
const mapOf = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.array(fc.tuple(text, arbitrary), { maxLength: 4 }).map((entries) => new Map(entries));

const state: fc.Arbitrary<ClientState> = fc.record({
  bundle: maybe(text),
  pinned: maybe(
    fc.record(
      { server: text, fingerprint: maybe(text), previous: text, settled: fc.constant(true as const) },
      { requiredKeys: ['server', 'fingerprint'] },
    ),
  ),
  view: fc.constant(undefined),
  contacts: mapOf(contact),
  owners: mapOf(owner),
  alerts: fc.array(alert, { maxLength: 3 }),
  distinguished: fc.constant([]),
  credentials: fc.constant([]),
  audit: maybe(text),
  logServers: fc.array(text, { maxLength: 3 }),
  verified: mapOf(mark),
});

describe('the JSON of a state', () => {
  it('comes back', () => {
    fc.assert(
      fc.property(state, (one) => {
        const json = formatClientState(one);
        expect(parseClientState(json)).toEqual(one);
        expect(formatClientState(parseClientState(json))).toBe(json);
      }),
    );
  });

  it('is read or refused, whatever was done to it', () => {
    const damaged = fc.tuple(state, fc.nat(), fc.string({ maxLength: 4 })).map(([one, index, inserted]) => {
      const json = formatClientState(one);
      const at = index % json.length;
      return json.slice(0, at) + inserted + json.slice(at + 1);
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.json(), fc.string()), (json) => {
        try {
          parseClientState(json);
        } catch (error) {
          expect(['state-corrupt', 'state-too-new']).toContain((error as GlasskeyError).code);
        }
      }),
    );
  });

  it('refuses each kind of member that is none', () => {
    const hash32 = Buffer.alloc(32).toString('base64');
    const known = { version: 1, commitment: hash32, value: '', monitored: [], ladder: [] };
    const base = { format: 2, contacts: { a: known }, owners: {}, alerts: [], distinguished: [], credentials: [] };
    const withContact = (change: object) => ({ ...base, contacts: { a: { ...known, ...change } } });
    const owned = { version: 1, commitment: hash32, origin: 'made' };
    const withOwner = (versions: unknown) => ({ ...base, owners: { a: { versions } } });
    expect(parseClientState(JSON.stringify(base)).contacts.size).toBe(1);
    expect(parseClientState(JSON.stringify(withOwner([owned]))).owners.size).toBe(1);
    const bad: unknown[] = [
      { ...base, format: '3' },
      { ...base, contacts: [] },
      { ...base, owners: undefined },
      { ...base, alerts: {} },
      { ...base, view: '' },
      { ...base, view: 'AAAA' },
      { ...base, distinguished: [7] },
      { ...base, alerts: [{ identity: 'a', type: 'other', version: 0, reason: '', seenAtMs: 0 }] },
      {
        ...base,
        alerts: [{ identity: 'a', type: 'operator', version: 0, reason: '', seenAtMs: 0, afterAbsence: false }],
      },
      withContact({ version: -1 }),
      withContact({ version: 2 ** 53 }),
      withContact({ commitment: 'AAAA' }),
      withContact({ monitoredAtMs: null }),
      withContact({
        monitored: [
          { position: 2, version: 1 },
          { position: 2, version: 2 },
        ],
      }),
      withContact({ ladder: [{ version: 1, vrfOutput: 'AAAA' }] }),
      withContact({
        ladder: [
          { version: 1, vrfOutput: hash32 },
          { version: 0, vrfOutput: hash32 },
        ],
      }),
      withOwner([{ ...owned, origin: 'stolen' }]),
      withOwner([owned, owned]),
      withOwner([{ ...owned, spkis: ['AAAA'] }]),
    ];
    for (const one of bad) expect(() => parseClientState(JSON.stringify(one))).toThrow(code('state-corrupt'));
  });

  it('refuses what a newer version wrote, of which it would lose a part', () => {
    const hash32 = Buffer.alloc(32).toString('base64');
    const entry = { version: 0, vrfOutput: hash32 };
    const known = {
      version: 1,
      commitment: hash32,
      value: '',
      monitored: [{ position: 1, version: 1 }],
      ladder: [entry],
    };
    const owned = { version: 1, commitment: hash32, origin: 'made' };
    const alert = { identity: 'a', type: 'operator', version: 0, reason: '', seenAtMs: 0 };
    const owner = { versions: [owned] };
    const lists = { alerts: [alert], distinguished: [], credentials: [] };
    const base = { format: 2, contacts: { a: known }, owners: { a: owner }, ...lists };
    const later = { later: 1 };
    expect(parseClientState(JSON.stringify(base)).alerts).toHaveLength(1);
    const newer: unknown[] = [
      { ...base, format: 4, contacts: 'of another form' },
      { ...base, ...later },
      { ...base, contacts: { a: { ...known, ...later } } },
      { ...base, contacts: { a: { ...known, monitored: [{ position: 1, version: 1, ...later }] } } },
      { ...base, contacts: { a: { ...known, ladder: [{ ...entry, ...later }] } } },
      { ...base, owners: { a: { ...owner, ...later } } },
      { ...base, owners: { a: { versions: [{ ...owned, ...later }] } } },
      { ...base, alerts: [{ ...alert, ...later }] },
      { ...base, credentials: [{ identity: 'a', unsettled: '', receivedAtMs: 0, ...later }] },
    ];
    for (const one of newer) expect(() => parseClientState(JSON.stringify(one))).toThrow(code('state-too-new'));
  });

  it('writes nothing that it would refuse', () => {
    const hash32 = new Uint8Array(32);
    const known = {
      version: 1,
      commitment: hash32,
      value: hash32,
      monitored: [],
      ladder: [],
      monitoredAtMs: undefined,
    };
    const owned = { version: 1, commitment: hash32, origin: 'made', spkis: undefined } as const;
    const withContact = (change: object) => ({ ...EMPTY_STATE, contacts: new Map([['a', { ...known, ...change }]]) });
    const withOwner = (...versions: OwnedVersion[]) => {
      return { ...EMPTY_STATE, owners: new Map([['a', { state: undefined, versions, monitoredAtMs: undefined }]]) };
    };
    const bad = [
      withContact({ version: 0.5 }),
      withContact({ monitoredAtMs: Number.NaN }),
      withContact({ commitment: new Uint8Array(31) }),
      withContact({
        monitored: [
          { position: 2, version: 1 },
          { position: 1, version: 2 },
        ],
      }),
      withContact({ ladder: [{ version: 1, vrfOutput: new Uint8Array(1), commitment: undefined }] }),
      withOwner(owned, owned),
      withOwner({ ...owned, spkis: [new Uint8Array(2)] }),
    ];
    for (const one of bad) expect(() => formatClientState(one)).toThrow(code('state-corrupt'));
    expect(formatClientState(withOwner(owned, { ...owned, version: 2 }))).toContain('"made"');
  });

  it('takes over a state of format 1', () => {
    const commitment = Buffer.alloc(32).toString('base64');
    const entry = { version: 1, commitment, value: 'AQ==', monitored: [{ position: 7, version: 1 }] };
    const read = parseClientState(JSON.stringify({ format: 1, bundle: 'b', contacts: { 'a@example.com': entry } }));
    expect(read).toEqual({
      ...EMPTY_STATE,
      bundle: 'b',
      contacts: new Map([
        [
          'a@example.com',
          {
            version: 1,
            commitment: new Uint8Array(32),
            value: Uint8Array.of(1),
            monitored: [{ position: 7, version: 1 }],
            ladder: [],
            monitoredAtMs: undefined,
          },
        ],
      ]),
    });
  });
});
