import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Alert, type ClientState, EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { writeValue } from '../../../src/client/state/json-values.ts';
import { applyDifference, draftOf, stateDifference } from '../../../src/client/state/state-difference.ts';
import { stateOfContacts, usualContact, withContact } from '../../support/client-states.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

/** What a reader of the stored change sees. */
function stored(from: ClientState, to: ClientState): Record<string, unknown> {
  return JSON.parse(JSON.stringify(stateDifference(from, to), writeValue)) as Record<string, unknown>;
}

const CONTACTS = Array.from({ length: 6 }, (_, i) => usualContact(i));
const OWNERS = Array.from({ length: 3 }, (_, i) => ({
  state: Uint8Array.of(i),
  versions: [{ version: i, commitment: new Uint8Array(32), origin: 'made' as const, spkis: undefined }],
  monitoredAtMs: i,
}));
const MARKS = Array.from({ length: 3 }, (_, version) => ({
  version,
  commitment: new Uint8Array(32),
  keys: [new Uint8Array(32)],
  markedAtMs: version,
}));
const ALERTS: readonly Alert[] = Array.from({ length: 6 }, (_, version) => ({
  identity: 'a@example.com',
  type: 'operator',
  version,
  reason: 'why',
  value: undefined,
  seenAtMs: version,
}));

// Few values, so that two states have many in common, by reference.
const names = fc.constantFrom('a', 'b', '__proto__', '7');
const mapOf = <T>(values: readonly T[]) =>
  fc.array(fc.tuple(names, fc.constantFrom(...values)), { maxLength: 5 }).map((entries) => new Map(entries));
const maybe = <T>(...values: T[]) => fc.constantFrom(undefined, ...values);
const states: fc.Arbitrary<ClientState> = fc.record({
  bundle: maybe('b', 'c'),
  pinned: maybe({ server: 'https://a.example', fingerprint: undefined }, { server: 'b', fingerprint: 'f' }),
  view: fc.constant(undefined),
  contacts: mapOf(CONTACTS),
  owners: mapOf(OWNERS),
  alerts: fc.subarray([...ALERTS]),
  distinguished: fc.constant([]),
  credentials: fc.constant([]),
  audit: maybe('x', 'y'),
  logServers: fc.array(fc.constantFrom('s', 't'), { maxLength: 4 }),
  verified: mapOf(MARKS),
});

describe('the difference of two states', () => {
  it('makes the second of the first', () => {
    fc.assert(
      fc.property(states, states, (from, to) => {
        expect(applyDifference(draftOf(from), stored(from, to))).toEqual(to);
      }),
    );
  });

  it('is nothing where nothing changed, though lists and maps were made anew', () => {
    const state = { ...stateOfContacts(3), alerts: ALERTS };
    const copy = { ...state, contacts: new Map(state.contacts), alerts: [...ALERTS] };
    expect(stored(state, copy)).toEqual({});
  });

  it('holds what changed, and no more', () => {
    const state = { ...stateOfContacts(3), alerts: ALERTS.slice(0, 3) };
    const next = withContact({ ...state, bundle: undefined, alerts: ALERTS.slice(1, 4) }, '1@example.com', 9);
    const change = stored(state, next);
    expect(Object.keys(change).toSorted()).toEqual(['alerts', 'bundle', 'contacts']);
    expect(Object.keys(change['contacts'] as object)).toEqual(['1@example.com']);
    expect(change).toMatchObject({ bundle: null, alerts: { at: 0, drop: 3 } });
    const appended = stored(state, { ...state, alerts: ALERTS.slice(0, 4) });
    expect(appended).toMatchObject({ alerts: { at: 3, drop: 0, add: [{ version: 3 }] } });
  });

  it('leaves the first as it was', () => {
    const from = stateOfContacts(2);
    applyDifference(draftOf(from), stored(from, withContact(from, 'new@example.com', 1)));
    expect(from).toEqual(stateOfContacts(2));
  });

  it.each<[string, object, string]>([
    ['a member of a newer version', { later: 1 }, 'state-too-new'],
    ['a newer contact', { contacts: { a: { later: 1 } } }, 'state-too-new'],
    ['a newer change of a list', { alerts: { at: 0, drop: 0, add: [], later: 1 } }, 'state-too-new'],
    ['a contact that is none', { contacts: { a: 7 } }, 'state-corrupt'],
    ['contacts that are gone', { contacts: null }, 'state-corrupt'],
    ['the removal of a contact that is not there', { contacts: { a: null } }, 'state-corrupt'],
    ['the removal of an owner that is not there', { owners: { a: null } }, 'state-corrupt'],
    ['the removal of more than there is', { logServers: { at: 0, drop: 1, add: [] } }, 'state-corrupt'],
    ['a change beyond the end', { alerts: { at: 1, drop: 0, add: [] } }, 'state-corrupt'],
    ['a list that is gone', { alerts: null }, 'state-corrupt'],
    ['a number that is none', { alerts: { at: -1, drop: 1, add: [] } }, 'state-corrupt'],
  ])('is refused with %s', (_, change, expected) => {
    const apply = () => applyDifference(draftOf(EMPTY_STATE), change as Record<string, unknown>);
    expect(apply).toThrow(code(expected));
  });

  it('is not made of what could not be read back', () => {
    const bad = new Map([['a', { ...usualContact(1), commitment: new Uint8Array(31) }]]);
    expect(() => stateDifference(EMPTY_STATE, { ...EMPTY_STATE, contacts: bad })).toThrow(code('state-corrupt'));
  });
});
