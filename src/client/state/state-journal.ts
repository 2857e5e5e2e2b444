import { encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { ensure } from '../../core/errors.ts';
import type { ClientState } from './client-state.ts';
import { formatClientState, JOURNAL_FORMAT, readingState, readState, stateValue } from './client-state-json.ts';
import { readNumber, readObject, writeValue } from './json-values.ts';
import { applyDifference, draftOf, stateDifference } from './state-difference.ts';

/** Longest text of a state that is stored as one text, in characters: to write it all costs no more than to append. */
const MAX_PLAIN_LENGTH = 2 ** 15;
/** Length of changes, in characters, that is never worth a new first line. */
const MIN_CHANGED_LENGTH = 2 ** 16;
/** Most changes of one journal. */
const MAX_CHANGES = 4_096;
/** Most lines of a journal that a reader takes: changes, and as many that lost a race. */
export const MAX_JOURNAL_LINES = 2 * MAX_CHANGES;
/** 128 bits of SHA-256, in hexadecimal. */
const CHECK_LENGTH = 32;

const JOURNAL_START = `{"format":${JOURNAL_FORMAT},`;
const LINE_END = /,"check":"([0-9a-f]{32})"\}$/;
const LINE_END_LENGTH = ',"check":""}'.length + CHECK_LENGTH;

/** A state as it is stored first: its text, and the journal that goes on from it if the state is a large one. */
export interface StoredWhole {
  /** Format 2, or the first line of {@link StoredWhole.journal}. */
  readonly text: string;
  readonly journal: StateJournal | undefined;
}

/** Returns true if a stored text begins a journal. */
export function isJournal(text: string): boolean {
  return text.startsWith(JOURNAL_START);
}

/** Formats a whole state: as one text if it is small. Throws `state-corrupt` for one that could not be read back. */
export function storedWhole(state: ClientState): StoredWhole {
  const { line, check } = sealLine('', { format: JOURNAL_FORMAT, ...stateValue(state) });
  if (line.length > MAX_PLAIN_LENGTH) return { text: line, journal: new StateJournal(state, check, line.length) };
  return { text: formatClientState(state), journal: undefined };
}

/**
 * A large state as lines of JSON (docs/client-state.md#journal): the whole state, then one line a change. Each line
 * ends with a check value over itself and, through the line before, over all lines before it. So equal last lines mean
 * equal journals, and a line counts only after the one that it was made for. Lines are trusted as the state itself is:
 * the check finds damage, not forgery.
 */
export class StateJournal {
  #state: ClientState;
  /** The check values of the lines that count. */
  readonly #checks: string[];
  #lines = 1;
  readonly #wholeLength: number;
  #changedLength = 0;

  constructor(state: ClientState, check: string, wholeLength: number) {
    this.#state = state;
    this.#checks = [check];
    this.#wholeLength = wholeLength;
  }

  /** Reads lines (without their line feeds). Throws `state-corrupt`, `state-too-new`. */
  static open([first = '', ...changes]: readonly string[]): StateJournal {
    const journal = readingState(() => {
      ensure(isJournal(first), 'state-corrupt', 'the journal of the state has no beginning');
      const { line, check } = openLine(first);
      ensure(check === checkOf('', first), 'state-corrupt', 'the state was damaged');
      const { format: _, ...members } = line;
      return new StateJournal(readState(members), check, first.length);
    });
    journal.extend(changes);
    return journal;
  }

  /** The state after the last line. */
  get state(): ClientState {
    return this.#state;
  }

  /** The end of the last line that counts: journals that have it in the same place are equal up to it. */
  get end(): string {
    return lineEnd(this.#checks.at(-1) ?? '');
  }

  /** Lines that were read and written. */
  get lines(): number {
    return this.#lines;
  }

  /** Returns true if lines were read that do not count, because their writers lost a race. */
  get hasStrays(): boolean {
    return this.#lines > this.#checks.length;
  }

  /**
   * Reads the lines that another process appended. One that follows an earlier line than the last was written by a
   * process that had lost its lock without noticing: it does not count. Throws `state-corrupt`, `state-too-new`; the
   * journal is then of no use.
   */
  extend(lines: readonly string[]): void {
    if (lines.length === 0) return;
    ensure(
      this.#lines + lines.length <= MAX_JOURNAL_LINES,
      'state-corrupt',
      'the state has more changes than it can have',
    );
    this.#state = readingState(() => {
      let draft = draftOf(this.#state);
      for (const text of lines) {
        const { line, check } = openLine(text);
        const { number, ...change } = line;
        const previous = this.#checks[readNumber(number) - 1];
        ensure(previous !== undefined && check === checkOf(previous, text), 'state-corrupt', 'the state was damaged');
        this.#lines++;
        if (number !== this.#checks.length) continue;
        draft = applyDifference(draft, change);
        this.#count(text, check);
      }
      return draft;
    });
  }

  /**
   * Appends the change to `next` and returns its line, which the caller stores. If that fails, the journal is of no
   * use. Returns undefined if it is time to store the whole state instead: the changes have become as long as it, or
   * many. Throws `state-corrupt` for a state that could not be read back.
   */
  append(next: ClientState): string | undefined {
    if (this.hasStrays || this.#checks.length > MAX_CHANGES) return undefined;
    const previous = this.#checks.at(-1) ?? '';
    const change = { number: this.#checks.length, ...stateDifference(this.#state, next) };
    const { line, check } = sealLine(previous, change);
    const length = this.#changedLength + line.length;
    if (length > Math.max(this.#wholeLength, MIN_CHANGED_LENGTH)) return undefined;
    this.#lines++;
    this.#count(line, check);
    this.#state = next;
    return line;
  }

  #count(line: string, check: string): void {
    this.#checks.push(check);
    this.#changedLength += line.length;
  }
}

function sealLine(previous: string, value: object): { readonly line: string; readonly check: string } {
  const body = JSON.stringify(value, writeValue).slice(0, -1);
  const check = checkOfBody(previous, body);
  return { line: body + lineEnd(check), check };
}

function openLine(text: string): { readonly line: Record<string, unknown>; readonly check: string } {
  const { check, ...line } = readObject(JSON.parse(text));
  const end = LINE_END.exec(text.slice(-LINE_END_LENGTH));
  ensure(end !== null && check === end[1], 'state-corrupt', 'a line of the state has no check value');
  return { line, check: end[1] ?? '' };
}

function lineEnd(check: string): string {
  return `,"check":"${check}"}`;
}

function checkOf(previous: string, line: string): string {
  return checkOfBody(previous, line.slice(0, -LINE_END_LENGTH));
}

function checkOfBody(previous: string, body: string): string {
  return formatHex(sha256(encodeUtf8(previous + body))).slice(0, CHECK_LENGTH);
}
