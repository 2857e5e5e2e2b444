import { LIMITS, nameOf } from '../../shared/protocol.ts';
import { toHex } from '../bytes.ts';

/** A line of a conversation. */
export interface Line {
  readonly atMs: number;
  /** Verified name of the sender; undefined for what the messenger itself says. */
  readonly from: string | undefined;
  readonly text: string;
  /**
   * Id of a message, 32 hex digits. Its sender chose it, so only sender and id together name one message. Undefined for
   * the messenger's own lines, and for messages of versions without ids.
   */
  readonly id?: string | undefined;
  /** True for what went wrong. */
  readonly isAlarm?: boolean | undefined;
}

/** A conversation as this device keeps it. Its MLS state is stored beside it. */
export interface Chat {
  /** Id of the group, 32 hex digits. */
  readonly id: string;
  /** Undefined for a conversation of two. */
  readonly title: string | undefined;
  /** Canonical identities of everybody in it, this user's too, as the log has verified them. */
  readonly people: readonly string[];
  readonly lines: readonly Line[];
  readonly updatedAtMs: number;
  /** True after this device was removed. */
  readonly isClosed: boolean;
}

/** Contents of a message, inside the encryption. */
export type Payload =
  | { readonly type: 'text'; readonly text: string; readonly id?: string | undefined }
  | { readonly type: 'title'; readonly title: string };

/** Most lines that are kept of a conversation; the oldest go first. */
const MAX_LINES = 1_000;
/** Longest text and title, characters. */
export const MAX_TEXT = 10_000;
const MAX_TITLE = 60;
const MESSAGE_ID = /^[0-9a-f]{32}$/;

/** Makes an id of a message: 16 random bytes, hex. */
export function newMessageId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(16)));
}

/** Most chats and people of one in a backup, and the longest identity, characters. */
const MAX_CHATS = 10_000;
const MAX_PEOPLE = LIMITS.devicesOfGroup;
const MAX_NAME = 400;
/** The latest time that `Date` knows, ms. */
const MAX_TIME_MS = 8.64e15;

/** Adds lines to a conversation. */
export function withLines(chat: Chat, ...lines: readonly Line[]): Chat {
  return { ...chat, lines: [...chat.lines, ...lines].slice(-MAX_LINES), updatedAtMs: Date.now() };
}

/** Adds what a member has sent. */
export function withPayload(chat: Chat, from: string, payload: Payload): Chat {
  if (payload.type === 'text') return withLines(chat, { atMs: Date.now(), from, text: payload.text, id: payload.id });
  const { title } = payload;
  if (title === chat.title) return chat;
  return withLines({ ...chat, title }, systemLine(`${nameOf(from)} named this ${title}.`));
}

/** Makes a line of the messenger itself. */
export function systemLine(text: string, isAlarm = false): Line {
  return { atMs: Date.now(), from: undefined, text, isAlarm };
}

/** Writes a payload. */
export function writePayload(payload: Payload): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(payload));
}

/**
 * Reads a payload of another member, who may send anything. Returns undefined for a type that only later versions know:
 * ignore it. Throws for what is no payload.
 */
export function readPayload(bytes: Uint8Array): Payload | undefined {
  const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Record<string, unknown> | null;
  const { type, text, title, id } = value ?? {};
  switch (type) {
    case 'text':
      if (isText(text, MAX_TEXT) && (id === undefined || isMessageId(id))) return { type, text, id };
      break;
    case 'title':
      if (isText(title, MAX_TITLE)) return { type, title };
      break;
    default:
      if (typeof type === 'string') return undefined;
  }
  throw new Error('A message has a form that no version writes.');
}

const isText = (value: unknown, maximum: number): value is string =>
  typeof value === 'string' && value.length <= maximum;
const isMessageId = (value: unknown): value is string => typeof value === 'string' && MESSAGE_ID.test(value);

/** Reads conversations out of a backup. Throws if they are not of this form, or too many. */
export function readChats(text: string): readonly Chat[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value) || value.length > MAX_CHATS || !value.every(isChat)) {
    throw new Error('The backup holds something else than chats.');
  }
  return value.map(({ id, title, people, lines, updatedAtMs, isClosed }) => {
    const read = lines.map(({ atMs, from, text: said, id: message, isAlarm }) => {
      return { atMs, from, text: said, id: message, isAlarm };
    });
    return { id, title, people, lines: read, updatedAtMs, isClosed };
  });
}

function isChat(value: unknown): value is Chat {
  const { id, title, people, lines, updatedAtMs, isClosed } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const hasPeople =
    Array.isArray(people) && people.length <= MAX_PEOPLE && people.every((one) => isText(one, MAX_NAME));
  const hasLines = Array.isArray(lines) && lines.length <= MAX_LINES && lines.every(isLine);
  const hasTitle = title === undefined || isText(title, MAX_TITLE);
  return isMessageId(id) && hasTitle && hasPeople && hasLines && isTime(updatedAtMs) && typeof isClosed === 'boolean';
}

function isLine(value: unknown): value is Line {
  const { atMs, from, text, id, isAlarm } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const hasSender = from === undefined || isText(from, MAX_NAME);
  const isKnownAlarm = isAlarm === undefined || typeof isAlarm === 'boolean';
  return isTime(atMs) && hasSender && isText(text, MAX_TEXT) && (id === undefined || isMessageId(id)) && isKnownAlarm;
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) <= MAX_TIME_MS;
