import { ensure } from '../../core/errors.ts';
import type { ClientState } from '../state/client-state.ts';
import { parseClientState } from '../state/client-state-json.ts';
import { assertNotNewer, readObject } from '../state/json-values.ts';
import { MAX_JOURNAL_LINES, StateJournal, storedWhole } from '../state/state-journal.ts';
import type { NewValues } from './indexed-db.ts';

/** The key of the {@link StoredHead}. */
export const HEAD_KEY = 'state';

/**
 * The value that every write replaces: the number of writes, the random name of the last one, and either the text of a
 * small state, or the place of the journal of a large one.
 */
interface StoredHead {
  readonly revision: number;
  /** Undefined in a value that an older program wrote. */
  readonly write: string | undefined;
  readonly text: string | undefined;
  /** The name of the write that began the journal. */
  readonly base: string | undefined;
  /** Lines of the journal, each under a key of its own. */
  readonly lines: number;
}

/** A stored state as this page read or wrote it last. */
export interface KnownState {
  readonly head: StoredHead;
  readonly state: ClientState;
  readonly journal: StateJournal | undefined;
}

/** Reads a value that came out of the database. Throws `state-corrupt`, `state-too-new`. */
function readStoredHead(value: unknown): StoredHead | undefined {
  if (value === undefined) return undefined;
  const { revision, write, text, base, lines = 0, ...others } = readObject(value) as Partial<StoredHead>;
  assertNotNewer(Object.keys(others).length === 0);
  const isPlain = typeof text === 'string' && lines === 0;
  const isJournaled = text === undefined && typeof base === 'string' && isCount(lines);
  const isStored = Number.isSafeInteger(revision) && (isPlain || isJournaled);
  ensure(isStored, 'state-corrupt', 'the database does not hold a state');
  return { revision: revision as number, write, text, base, lines };
}

function isCount(lines: unknown): boolean {
  return Number.isSafeInteger(lines) && (lines as number) >= 1 && (lines as number) <= MAX_JOURNAL_LINES;
}

/** Returns the keys of the lines that this page does not know yet. Throws `state-corrupt`, `state-too-new`. */
export function missingKeys(value: unknown, known: KnownState | undefined): readonly string[] {
  const head = readStoredHead(value);
  const start = knownLines(head, known);
  return Array.from({ length: Math.max(0, (head?.lines ?? 0) - start) }, (_, i) => lineKey(start + i));
}

/** Returns the number of the stored lines that this page knows. */
function knownLines(head: StoredHead | undefined, known: KnownState | undefined): number {
  return known !== undefined && head?.base === known.head.base ? known.head.lines : 0;
}

/**
 * Returns the state of the head and of the lines of {@link missingKeys}; undefined if nothing is stored. Throws
 * `state-corrupt`, `state-too-new`.
 */
export function readStoredState(
  [value, ...lines]: readonly unknown[],
  known: KnownState | undefined,
): KnownState | undefined {
  const head = readStoredHead(value);
  if (head === undefined) return undefined;
  if (head.text !== undefined) {
    const isKnown = known?.head.text === head.text;
    return { head, state: isKnown ? known.state : parseClientState(head.text), journal: undefined };
  }
  const texts = lines.filter((line) => typeof line === 'string');
  ensure(texts.length === lines.length, 'state-corrupt', 'the database lacks a part of the state');
  const journal = (knownLines(head, known) > 0 && known?.journal) || StateJournal.open(texts);
  if (journal === known?.journal) journal.extend(texts);
  ensure(!journal.hasStrays && journal.lines === head.lines, 'state-corrupt', 'the database lacks a part of the state');
  return { head, state: journal.state, journal };
}

/** A state that is about to be stored. */
export interface NewState {
  readonly known: KnownState;
  /** Returns the values to store, and undefined if the database holds another state than this one follows. */
  values(current: unknown): NewValues | undefined;
}

/**
 * Makes the values that store `next` after `known`, under the random name `write`. Uses the journal of `known` up.
 * Throws `state-corrupt` for a state that could not be read back.
 */
export function newState(known: KnownState | undefined, next: ClientState, write: string): NewState {
  const revision = (known?.head.revision ?? 0) + 1;
  const stored = appended(known, next) ?? whole(next, write);
  const head: StoredHead = { revision, write, ...stored.place };
  const { text, base, lines } = head;
  const values: [string, unknown][] = [
    [HEAD_KEY, text === undefined ? { revision, write, base, lines } : { revision, write, text }],
  ];
  if (stored.line !== undefined) values.push([lineKey(lines - 1), stored.line]);
  return {
    known: { head, state: next, journal: stored.journal },
    values: (current) => {
      const found = readStoredHead(current);
      const isUnchanged = found?.revision === known?.head.revision && found?.write === known?.head.write;
      // A transaction that is tried again may have been written the first time.
      return found?.write === write || isUnchanged ? { isWhole: lines <= 1, values } : undefined;
    },
  };
}

interface StoredPart {
  readonly place: Pick<StoredHead, 'text' | 'base' | 'lines'>;
  readonly line: string | undefined;
  readonly journal: StateJournal | undefined;
}

function appended(known: KnownState | undefined, next: ClientState): StoredPart | undefined {
  const line = known?.journal?.append(next);
  if (known === undefined || line === undefined) return undefined;
  const { base, lines } = known.head;
  return { place: { text: undefined, base, lines: lines + 1 }, line, journal: known.journal };
}

function whole(next: ClientState, write: string): StoredPart {
  const { text, journal } = storedWhole(next);
  if (journal === undefined) return { place: { text, base: undefined, lines: 0 }, line: undefined, journal };
  return { place: { text: undefined, base: write, lines: 1 }, line: text, journal };
}

function lineKey(number: number): string {
  return `line/${number}`;
}
