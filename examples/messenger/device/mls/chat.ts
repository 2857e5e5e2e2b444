import { nameOf } from '../../shared/protocol.ts';

/** A line of a conversation. */
export interface Line {
  readonly atMs: number;
  /** Verified name of the sender; undefined for what the messenger itself says. */
  readonly from: string | undefined;
  readonly text: string;
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
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'title'; readonly title: string };

/** Most lines that are kept of a conversation; the oldest go first. */
const MAX_LINES = 1_000;
/** Longest text and title, characters. */
export const MAX_TEXT = 10_000;
const MAX_TITLE = 60;

/** Adds lines to a conversation. */
export function withLines(chat: Chat, ...lines: readonly Line[]): Chat {
  return { ...chat, lines: [...chat.lines, ...lines].slice(-MAX_LINES), updatedAtMs: Date.now() };
}

/** Adds what a member has sent. */
export function withPayload(chat: Chat, from: string, payload: Payload): Chat {
  if (payload.type === 'text') return withLines(chat, { atMs: Date.now(), from, text: payload.text });
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

/** Reads a payload of another member, who may send anything. Throws for what is none. */
export function readPayload(bytes: Uint8Array): Payload {
  const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Record<string, unknown> | null;
  const { type, text, title } = value ?? {};
  if (type === 'text' && typeof text === 'string' && text.length <= MAX_TEXT) return { type, text };
  if (type === 'title' && typeof title === 'string' && title.length <= MAX_TITLE) return { type, title };
  throw new Error('A message has a form that this version does not know.');
}
