import type { InboxEvent } from '../../shared/protocol.ts';
import { nameOf } from '../../shared/protocol.ts';
import { fromBase64 } from '../bytes.ts';
import type { Me } from '../device.ts';
import { failureText } from '../words.ts';
import { type Chat, readPayload, systemLine, withLines, withPayload } from './chat.ts';
import type { OpenChat } from './chat-store.ts';
import { afterCommit, type GroupParts, settlePending } from './group-commits.ts';
import { packageKey, type WaitingPackage } from './key-package-stock.ts';
import { cipherSuite, readGroupMessage, readWelcome } from './wire.ts';

/** Things to store together with a conversation: the position in the inbox. */
type More = Readonly<Record<string, unknown>>;

/**
 * Takes a Welcome, commit or message out of the inbox. What is wrong with it becomes a line, and never throws. `more` is
 * stored in the same transaction.
 */
export async function receiveEvent(parts: GroupParts, me: Me, event: InboxEvent, more: More): Promise<void> {
  const { kind, group: id } = event;
  if (id === undefined) return;
  if (kind === 'welcome') return join(parts, me, event, { id, more });
  await settlePending(parts, id);
  const open = await parts.store.read(id);
  if (open === undefined || open.chat.isClosed) return;
  try {
    await parts.store.write(await receiveMessage(parts, open, fromBase64(event.body)), more);
  } catch (error) {
    await parts.store.writeChat(withRefusal(open.chat, error), more);
  }
}

function withRefusal(chat: Chat, error: unknown): Chat {
  return withLines(chat, systemLine(`Something arrived that was refused: ${failureText(error)}`, true));
}

async function join(
  parts: GroupParts,
  me: Me,
  { body, keyPackage = '' }: InboxEvent,
  { id, more }: { readonly id: string; readonly more: More },
): Promise<void> {
  const { device, auth, store } = parts;
  const waiting = await device.storage.get<WaitingPackage>(packageKey(keyPackage));
  // A Welcome that comes twice, or that nobody asked for, is no reason to fail.
  if (waiting === undefined || (await store.read(id))?.chat.isClosed === false) return;
  // A chat that was restored from a backup, or that this device has left, goes on.
  const before = await device.storage.get<Chat>(`chat:${id}`);
  const empty = { id, title: undefined, people: [], lines: [], updatedAtMs: Date.now() };
  let chat: Chat = { ...(before ?? empty), isClosed: false };
  const used = waiting.isLastResort ? more : { ...more, [packageKey(keyPackage)]: undefined };
  try {
    const welcome = readWelcome(fromBase64(body));
    const { publicPackage, privatePackage } = waiting;
    const state = await auth.join({ welcome, publicPackage, privatePackage, cipherSuite: await cipherSuite });
    const { members } = await auth.roster(state);
    const people = [...new Set(members.map(({ identity }) => identity))];
    const others = people.filter((identity) => identity !== me.identity).map(nameOf);
    chat = withLines({ ...chat, people }, systemLine(`You are in a conversation with ${others.join(', ')}.`));
    await store.write({ chat, state }, used);
  } catch (error) {
    const line = systemLine(`An invitation was refused: ${failureText(error)}`, true);
    await device.storage.put({ [`chat:${id}`]: withLines({ ...chat, isClosed: true }, line), ...used });
  }
}

async function receiveMessage(parts: GroupParts, open: OpenChat, bytes: Uint8Array): Promise<OpenChat> {
  const { chat, state } = open;
  const result = await parts.auth.process(readGroupMessage(bytes), state, { cipherSuite: await cipherSuite });
  const { newState, sender } = result;
  if (result.kind === 'applicationMessage' && sender !== undefined) {
    return { chat: withMessage(chat, sender.identity, result.message), state: newState };
  }
  if (newState.groupActiveState.kind === 'removedFromGroup') {
    const line = systemLine('This device was removed from the conversation.', true);
    return { chat: withLines({ ...chat, isClosed: true }, line), state: newState };
  }
  return { chat: afterCommit(chat, result.report), state: newState };
}

/** Adds a message. The group goes on also after one that this version does not understand. */
function withMessage(chat: Chat, from: string, message: Uint8Array): Chat {
  try {
    const payload = readPayload(message);
    return payload === undefined ? chat : withPayload(chat, from, payload);
  } catch (error) {
    return withRefusal(chat, error);
  }
}
