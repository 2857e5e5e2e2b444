import { type ClientConfig, type ClientState, decodeGroupState, encodeGroupState } from 'ts-mls';
import type { CommitOrder } from '../../shared/protocol.ts';
import type { Storage } from '../storage.ts';
import type { Chat } from './chat.ts';

/** A conversation with its group. */
export interface OpenChat {
  readonly chat: Chat;
  readonly state: ClientState;
}

/** A commit that was sent, until its answer is stored. */
export interface PendingCommit extends OpenChat {
  readonly order: CommitOrder;
}

/** A pending commit on disk. */
interface StoredCommit {
  readonly order: CommitOrder;
  readonly chat: Chat;
  readonly state: Uint8Array;
}

/**
 * Conversations on disk. A conversation and the state of its group are written together, so that neither runs ahead.
 */
export class ChatStore {
  readonly #storage: Storage;
  readonly #config: () => ClientConfig;

  constructor(storage: Storage, config: () => ClientConfig) {
    this.#storage = storage;
    this.#config = config;
  }

  /** Returns all conversations, the newest first. */
  async list(): Promise<readonly Chat[]> {
    const chats = await this.#storage.list<Chat>('chat:');
    return chats.toSorted((a, b) => b.updatedAtMs - a.updatedAtMs);
  }

  /** Reads a conversation; undefined if there is none. */
  async read(id: string): Promise<OpenChat | undefined> {
    const [chat, bytes] = await Promise.all([
      this.#storage.get<Chat>(`chat:${id}`),
      this.#storage.get<Uint8Array>(`group:${id}`),
    ]);
    if (chat === undefined || bytes === undefined) return undefined;
    return { chat, state: this.#decode(bytes) };
  }

  /** Stores a commit before it is sent, so that a lost answer does not lose the group. */
  async writePending(id: string, { order, chat, state }: PendingCommit): Promise<void> {
    const stored: StoredCommit = { order, chat, state: encodeGroupState(state) };
    await this.#storage.put({ [`pending:${id}`]: stored });
  }

  /** Reads the commit of a conversation whose answer was never stored; undefined if there is none. */
  async readPending(id: string): Promise<PendingCommit | undefined> {
    const stored = await this.#storage.get<StoredCommit>(`pending:${id}`);
    return stored && { ...stored, state: this.#decode(stored.state) };
  }

  /** Forgets a commit that the backend refused. */
  async dropPending(id: string): Promise<void> {
    await this.#storage.put({ [`pending:${id}`]: undefined });
  }

  #decode(bytes: Uint8Array): ClientState {
    const decoded = decodeGroupState(bytes, 0);
    if (decoded === undefined) throw new Error('A conversation on this device is damaged.');
    return { ...decoded[0], clientConfig: this.#config() };
  }

  /** Writes a conversation, and more things with it. */
  async write({ chat, state }: OpenChat, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#storage.put({ [`chat:${chat.id}`]: chat, [`group:${chat.id}`]: encodeGroupState(state), ...more });
  }

  /** Writes what is seen of a conversation, and more things with it. Leaves its group as it is. */
  async writeChat(chat: Chat, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#storage.put({ [`chat:${chat.id}`]: chat, ...more });
  }
}
