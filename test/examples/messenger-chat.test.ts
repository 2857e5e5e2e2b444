import { describe, expect, it } from 'vitest';
import { utf8 } from '../../examples/messenger/device/bytes.ts';
import {
  type Chat,
  MAX_TEXT,
  newMessageId,
  readChats,
  readPayload,
  withPayload,
  writePayload,
} from '../../examples/messenger/device/mls/chat.ts';

const BOB = 'acct:bob@messenger.example';
const chat: Chat = {
  id: 'ab'.repeat(16),
  title: undefined,
  people: ['acct:alice@messenger.example', BOB],
  lines: [],
  updatedAtMs: 0,
  isClosed: false,
};
const read = (value: unknown) => readPayload(utf8(JSON.stringify(value)));

describe('a payload', () => {
  it('comes back as it was written, with its id', () => {
    const payload = { type: 'text', id: newMessageId(), text: 'Hello' } as const;
    expect(readPayload(writePayload(payload))).toEqual(payload);
    expect(newMessageId()).not.toBe(payload.id);
  });

  it('has no id if an older version wrote it', () => {
    expect(read({ type: 'text', text: 'Hello' })).toEqual({ type: 'text', text: 'Hello', id: undefined });
  });

  it('is ignored if only a later version knows its type', () => {
    expect(read({ type: 'reaction', to: 'x'.repeat(100) })).toBeUndefined();
  });

  it.each([
    { type: 'text', text: 'x'.repeat(MAX_TEXT + 1) },
    { type: 'text', text: 'Hello', id: 'AB'.repeat(16) },
    { type: 'text', text: 'Hello', id: 7 },
    { type: 'title', title: 'x'.repeat(61) },
    { type: 7 },
    null,
    [],
  ])('is refused outside its bounds: case %#', (value) => {
    expect(() => read(value)).toThrow('no version writes');
  });

  it('becomes a line with its sender and id', () => {
    const id = newMessageId();
    const [line] = withPayload(chat, BOB, { type: 'text', id, text: 'Hello' }).lines;
    expect(line).toMatchObject({ from: BOB, id, text: 'Hello' });
  });
});

describe('chats out of a backup', () => {
  const line = { atMs: 1, from: BOB, text: 'Hello', id: newMessageId() };
  const valid = { ...chat, lines: [line, { atMs: 2, text: 'Bob has a new key.', isAlarm: false }] };

  it('are read as they were', () => {
    expect(readChats(JSON.stringify([valid]))).toEqual([valid]);
  });

  it.each([
    { ...valid, id: '../me' },
    { ...valid, people: BOB },
    { ...valid, people: Array.from({ length: 65 }, () => BOB) },
    { ...valid, lines: [{ ...line, text: 7 }] },
    { ...valid, lines: [{ ...line, atMs: 1e300 }] },
    { ...valid, lines: [null] },
    { ...valid, isClosed: 'no' },
    { ...valid, updatedAtMs: null },
    null,
  ])('are refused if one has another form: case %#', (one) => {
    expect(() => readChats(JSON.stringify([one]))).toThrow('something else than chats');
  });
});
