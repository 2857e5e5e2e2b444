import { describe, expect, it } from 'vitest';
import { splitJournal } from '../../../src/client/node/journal-lines.ts';
import { StateJournal, storedWhole } from '../../../src/client/state/state-journal.ts';
import { stateOfContacts, withContact } from '../../support/client-states.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

const LARGE = stateOfContacts(40);
const { text: WHOLE, journal } = storedWhole(LARGE);
const CHECK = /([0-9a-f]{32})"\}$/.exec(WHOLE)?.[1] ?? '';
const FIRST = journal?.append(withContact(LARGE, 'é@example.com', 1)) ?? '';
const SECOND = journal?.append(withContact(LARGE, 'ü@example.com', 2)) ?? '';
const BYTES = Buffer.from(`${FIRST}\n${SECOND}\n`);

/** Reads the changes after the whole state. */
function readChanges(bytes: Uint8Array): { readonly count: number; readonly isWhole: boolean } {
  const { lines, isWhole } = splitJournal(bytes);
  const read = new StateJournal(LARGE, CHECK, WHOLE.length);
  read.extend(lines);
  return { count: read.lines - 1, isWhole };
}

describe('the lines of a journal', () => {
  it('come back', () => {
    expect(splitJournal(BYTES)).toEqual({ lines: [FIRST, SECOND], isWhole: true });
    expect(splitJournal(new Uint8Array())).toEqual({ lines: [], isWhole: true });
    expect(readChanges(BYTES)).toEqual({ count: 2, isWhole: true });
  });

  it('are those that were finished, wherever the last one was cut, with zeros in its place or without', () => {
    const end = BYTES.indexOf('\n') + 1;
    for (let length = end; length <= BYTES.length; length++) {
      const count = length < BYTES.length - 1 ? 1 : 2;
      for (const zeros of [0, 1, 4_096]) {
        const cut = Buffer.concat([BYTES.subarray(0, length), Buffer.alloc(zeros)]);
        const isWhole = zeros === 0 && (length === end || length === BYTES.length);
        expect(readChanges(cut), `${length} bytes`).toEqual({ count, isWhole });
      }
    }
  });

  it('are refused where any byte of a finished one is another one', () => {
    for (let i = 0; i < BYTES.length; i++) {
      for (const mask of [1, 0x20, 0xff]) {
        const damaged = Buffer.from(BYTES);
        damaged[i] = (damaged[i] as number) ^ mask;
        expect(() => readChanges(damaged), `byte ${i}`).toThrow(code('state-corrupt'));
      }
    }
  });

  it('are refused where a byte of a finished one is zero, but for the last line feed, which says nothing', () => {
    for (let i = 0; i < BYTES.length; i++) {
      const damaged = Buffer.from(BYTES).fill(0, i, i + 1);
      if (i === BYTES.length - 1) expect(readChanges(damaged)).toEqual({ count: 2, isWhole: false });
      else expect(() => readChanges(damaged), `byte ${i}`).toThrow(code('state-corrupt'));
    }
  });
});
