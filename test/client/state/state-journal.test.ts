import { describe, expect, it } from 'vitest';
import { type ClientState, EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { parseClientState } from '../../../src/client/state/client-state-json.ts';
import { isJournal, MAX_JOURNAL_LINES, StateJournal, storedWhole } from '../../../src/client/state/state-journal.ts';
import { stateOfContacts, withContact } from '../../support/client-states.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const LARGE = stateOfContacts(40);
const NAME = '3@example.com';

/** A journal of a large state with `changes` changes: its lines, its last state. */
function journalOf(changes: number): { lines: string[]; states: ClientState[]; journal: StateJournal } {
  const { text, journal } = storedWhole(LARGE);
  if (journal === undefined) throw new Error('the state is not large enough');
  const lines = [text];
  const states = [LARGE];
  for (let i = 1; i <= changes; i++) {
    states.push(withContact(states[i - 1] as ClientState, NAME, 100 + i));
    lines.push(journal.append(states[i] as ClientState) ?? '');
  }
  return { lines, states, journal };
}

describe('a stored state', () => {
  it('is one text while it is small, and the first line of a journal when it is large', () => {
    const small = storedWhole(stateOfContacts(2));
    expect(small.journal).toBeUndefined();
    expect(parseClientState(small.text)).toEqual(stateOfContacts(2));
    expect(isJournal(small.text)).toBe(false);
    const { text, journal } = storedWhole(LARGE);
    expect(journal?.state).toBe(LARGE);
    expect(isJournal(text)).toBe(true);
    expect(text).not.toContain('\n');
  });

  it('is not taken for a whole state by a program that knows no journal', () => {
    const { lines } = journalOf(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({ format: 3 });
    expect(() => JSON.parse(lines.join('\n')) as unknown).toThrow(SyntaxError);
    for (const text of [lines[0] as string, lines.join('\n')]) {
      expect(() => parseClientState(text)).toThrow(code('state-corrupt'));
    }
  });
});

describe('a journal', () => {
  it('comes back, at once and line by line', () => {
    const { lines, states, journal } = journalOf(5);
    const opened = StateJournal.open(lines);
    expect(opened.state).toEqual(states[5]);
    expect(opened.end).toBe(journal.end);
    expect(lines[5]?.endsWith(opened.end)).toBe(true);
    const followed = StateJournal.open(lines.slice(0, 2));
    expect(followed.state).toEqual(states[1]);
    followed.extend(lines.slice(2, 4));
    followed.extend(lines.slice(4));
    expect(followed.state).toEqual(states[5]);
    expect(followed.lines).toBe(6);
    followed.extend([]);
    expect(followed.append(LARGE)).toBe(opened.append(LARGE));
  });

  it('keeps the contacts that a change left alone', () => {
    const { lines } = journalOf(1);
    const journal = StateJournal.open(lines.slice(0, 1));
    const before = journal.state.contacts;
    journal.extend(lines.slice(1));
    expect(journal.state.contacts.get('4@example.com')).toBe(before.get('4@example.com'));
    expect(before.get(NAME)?.version).toBe(3);
  });

  it('is refused with any character changed, a line missing, twice, or in another place', () => {
    const { lines } = journalOf(3);
    const [whole, first, second, third] = lines as [string, string, string, string];
    const check = /([0-9a-f]{32})"\}$/.exec(whole)?.[1] ?? '';
    const start = () => new StateJournal(LARGE, check, whole.length);
    expect(() => start().extend([first])).not.toThrow();
    for (let i = 0; i < first.length; i++) {
      const damaged = first.slice(0, i) + String.fromCodePoint(first.charCodeAt(i) ^ 1) + first.slice(i + 1);
      expect(() => start().extend([damaged])).toThrow(code('state-corrupt'));
    }
    const other = storedWhole(stateOfContacts(41)).text;
    for (const bad of [
      [],
      [first],
      [whole, second],
      [whole, first, third],
      [whole, second, first],
      [whole, whole],
      [other, first],
      [whole.replace('"bundle":"bundle"', '"bundle":"bundlf"'), first],
      [`${whole} `],
    ]) {
      expect(() => StateJournal.open(bad)).toThrow(code('state-corrupt'));
    }
  });

  it('does not count a line whose writer lost a race', () => {
    const { lines, states } = journalOf(2);
    const sleeper = StateJournal.open(lines.slice(0, 2));
    const late = sleeper.append(withContact(sleeper.state, 'late@example.com', 1)) ?? '';
    const opened = StateJournal.open([...lines, late]);
    expect(opened.state).toEqual(states[2]);
    expect(opened.hasStrays).toBe(true);
    expect(opened.append(LARGE)).toBeUndefined();
  });

  it('ends when its changes are as long as the whole state, or many', () => {
    const { journal } = journalOf(0);
    let length = 0;
    let state = LARGE;
    for (let i = 1; ; i++) {
      state = withContact(state, NAME, i);
      const line = journal.append(state);
      if (line === undefined) break;
      length += line.length;
    }
    expect(length).toBeGreaterThan(2 ** 16 - 2_000);
    expect(length).toBeLessThanOrEqual(2 ** 16);
    const { journal: busy } = journalOf(0);
    const large = storedWhole(stateOfContacts(1_000)).journal as StateJournal;
    let lines = 1;
    while (large.append({ ...large.state, bundle: String(lines) }) !== undefined) lines++;
    expect(lines).toBe(MAX_JOURNAL_LINES / 2 + 1);
    expect(busy.append(stateOfContacts(2_000))).toBeUndefined();
  });

  it('is refused with more lines than one can have', () => {
    const { lines } = journalOf(1);
    const many = Array.from({ length: MAX_JOURNAL_LINES }, () => lines[1] as string);
    expect(() => StateJournal.open([lines[0] as string, ...many])).toThrow(code('state-corrupt'));
  });

  it('is left alone where a newer version wrote a line of it', () => {
    const { journal } = journalOf(0);
    const newer = { ...LARGE, contacts: new Map(LARGE.contacts).set('a', { ...usual(), later: 1 } as never) };
    const line = journal.append(newer) ?? '';
    expect(() => StateJournal.open([storedWhole(LARGE).text, line])).toThrow(code('state-too-new'));
    expect(() => StateJournal.open([storedWhole(newer).text])).toThrow(code('state-too-new'));
  });

  it('is not written with what could not be read back', () => {
    const { journal } = journalOf(0);
    const bad = { ...usual(), commitment: new Uint8Array(31) };
    expect(() => storedWhole({ ...EMPTY_STATE, contacts: new Map([['a', bad]]) })).toThrow(code('state-corrupt'));
    expect(() => journal.append({ ...LARGE, contacts: new Map([['a', bad]]) })).toThrow(code('state-corrupt'));
  });
});

function usual() {
  return LARGE.contacts.get(NAME) as NonNullable<ReturnType<typeof LARGE.contacts.get>>;
}
