import { deviceSuite, makeKeyPackage, MlsAuthentication, type Roster } from 'glasskey/mls';
import { createApplicationMessage, createGroup, zeroOutUint8Array } from 'ts-mls';
import { identityOf, type InboxEvent, nameOf } from '../../shared/protocol.ts';
import { BackendError } from '../backend.ts';
import { toHex } from '../bytes.ts';
import { type Device, type Me, readMe } from '../device.ts';
import { Turns } from '../turns.ts';
import type { Finding, Notice } from '../notice.ts';
import { isAlerted, isLie, problemNotice, refusalText } from '../words.ts';
import { type Chat, newMessageId, type Payload, systemLine, withLines, withPayload, writePayload } from './chat.ts';
import { ChatStore, type OpenChat } from './chat-store.ts';
import {
  addDevices,
  type GroupParts,
  hasOwnCertificate,
  removeDeparted,
  replaceOwn,
  settlePending,
} from './group-commits.ts';
import { inviteDevices, lookUpAll } from './invitations.ts';
import { mlsDevice } from './key-package-stock.ts';
import { deviceAt, deviceOfLeaf, leavesIn } from './leaves.ts';
import { receiveEvent } from './receive.ts';
import { cipherSuite, writePrivateMessage } from './wire.ts';

/** Tries of a commit that other devices were faster than, and the pause before the first repetition, ms. */
const TRIES = 4;
const PAUSE_MS = 400;
/**
 * Time that a member has for putting a new certificate in the place of one that left the log, ms. A rotation takes a
 * moment. Nothing is sent meanwhile, and afterwards the member is removed.
 */
const GRACE_MS = 10_000;

/** A member has to be replaced or removed before anything is sent. */
class NotYet extends Error {}

/**
 * The conversations of this device: groups of MLS, of which one of two people is a chat. Every member is a device whose
 * certificate the log has now; `glasskey/mls` checks that at each step.
 */
export class Chats {
  readonly #device: Device;
  readonly #parts: GroupParts;
  readonly #store: ChatStore;
  readonly #turns = new Turns();
  /** When a member was first seen without a valid certificate, ms since the epoch. */
  readonly #departedAtMs = new Map<string, number>();
  readonly #changed: () => void;

  constructor(device: Device, changed: () => void) {
    const auth = new MlsAuthentication(device.directory, { servesMs: 5_000 });
    this.#device = device;
    this.#changed = changed;
    this.#store = new ChatStore(device.storage, () => auth.clientConfig());
    this.#parts = { device, auth, store: this.#store };
  }

  /** Returns all conversations, the newest first. */
  list(): Promise<readonly Chat[]> {
    return this.#store.list();
  }

  /**
   * Begins a conversation with people, by their names, or finds the one with just one other person. Returns its id.
   * Throws the words for what stands against it.
   */
  async create(me: Me, names: readonly string[], title?: string): Promise<string> {
    const identities = [...new Set([me.identity, ...names.map(identityOf)])];
    const [, other] = identities;
    if (other === undefined) throw new Error('Add at least one other person.');
    const existing = title === undefined && identities.length === 2 ? await this.#chatWith(other) : undefined;
    if (existing !== undefined) return existing.id;
    const id = toHex(crypto.getRandomValues(new Uint8Array(16)));
    await this.#run(async () => {
      const bindings = await lookUpAll(this.#device, identities);
      const present = new Set([me.device]);
      const invited = await Promise.all(bindings.map((one) => inviteDevices(this.#device, one, present)));
      await this.#device.backend.createGroup(id, me.device);
      const chat: Chat = { id, title, people: [me.identity], lines: [], updatedAtMs: Date.now(), isClosed: false };
      await addDevices(this.#parts, me, await this.#begin(me, chat), invited.flat());
    });
    if (title !== undefined) await this.#post(me, id, { type: 'title', title });
    return id;
  }

  async #chatWith(other: string): Promise<Chat | undefined> {
    const chats = await this.list();
    return chats.find(
      ({ title, people, isClosed }) =>
        !isClosed && title === undefined && people.length === 2 && people.includes(other),
    );
  }

  /**
   * Sends a text. First every member is checked: nothing is sent if one of them is doubted. Throws the words for it.
   */
  sendText(me: Me, id: string, text: string): Promise<void> {
    return this.#post(me, id, { type: 'text', id: newMessageId(), text });
  }

  /**
   * Takes a thing out of the inbox: a Welcome, commit or message. Never throws for what others sent. `position` is
   * stored together with what it changes.
   */
  receive(me: Me, event: InboxEvent, position: Readonly<Record<string, number>>): Promise<void> {
    return this.#run(() => receiveEvent(this.#parts, me, event, position));
  }

  /**
   * Checks all members of all conversations by new answers of the log, and removes those whose certificate is gone.
   * Returns what the user must know.
   */
  async recheck(me: Me): Promise<Finding> {
    const notices = new Map<string, Notice>();
    let isComplete = true;
    for (const { id, isClosed } of await this.list()) {
      if (isClosed) continue;
      const found = await this.#tryCommit(() => this.#recheckOne(me, id));
      for (const notice of found.notices) notices.set(notice.title, notice);
      isComplete &&= found.isComplete;
    }
    return { notices: [...notices.values()], isComplete };
  }

  /**
   * Adds the user's other devices to all conversations where they are missing. Returns true if none is missing then.
   */
  async addOwnDevices(me: Me): Promise<boolean> {
    const missing = new Set<string>();
    const titles = new Map<string, string>();
    await this.#forEach(async (open) => {
      const [binding] = await lookUpAll(this.#device, [me.identity]);
      const present = new Set(await Promise.all(leavesIn(open.state).map(deviceOfLeaf)));
      const invited = binding === undefined ? [] : await inviteDevices(this.#device, binding, present);
      for (const { device } of invited) present.add(device);
      for (const { spkiSha256 } of binding?.certificates ?? []) if (!present.has(spkiSha256)) missing.add(spkiSha256);
      if (invited.length === 0) return open;
      if (open.chat.title !== undefined) titles.set(open.chat.id, open.chat.title);
      return addDevices(this.#parts, me, open, invited);
    });
    // Who joins reads nothing from before, not even the name of the group.
    for (const [id, title] of titles) await this.#post(me, id, { type: 'title', title });
    return missing.size === 0;
  }

  /** Removes a lost device of the user from all conversations, at once. */
  async removeDevice(me: Me, lost: string): Promise<void> {
    await this.#forEach(async (open) => {
      const { departed } = await this.#parts.auth.recheck(open.state);
      const devices = await Promise.all(departed.map((one) => deviceAt(open.state, one.leafIndex)));
      const found = departed.filter((_, i) => devices[i] === lost);
      return found.length === 0 ? open : removeDeparted(this.#parts, me, open, found);
    });
  }

  /** Puts this device's present certificate into all conversations: after a rotation or renewal, and at each start. */
  async settleCertificate(me: Me): Promise<void> {
    const { storage } = this.#device;
    const old = await storage.get<string>('old-key');
    await this.#forEach((open) => replaceOwn(this.#parts, me, open));
    // A rotation that has begun meanwhile needs its own.
    if ((await storage.get<string>('old-key')) === old) await storage.put({ 'old-key': undefined });
  }

  async #begin(me: Me, chat: Chat): Promise<OpenChat> {
    const suite = await cipherSuite;
    const { publicPackage, privatePackage } = await makeKeyPackage(mlsDevice(me), suite);
    const group = new Uint8Array(fromHex(chat.id));
    const config = this.#parts.auth.clientConfig();
    const own = deviceSuite(suite, me.key);
    return { chat, state: await createGroup(group, publicPackage, privatePackage, [], own, config) };
  }

  async #post(me: Me, id: string, payload: Payload): Promise<void> {
    await this.#tryCommit(async () => {
      let open = await this.#open(id);
      const roster = await this.#parts.auth.roster(open.state);
      assertSafe(roster, me.identity);
      const overdue = this.#overdue(id, roster);
      if (overdue.length < roster.departed.length) throw new NotYet();
      if (overdue.some(({ isSelf }) => isSelf)) throw new Error('Nothing was sent. This device is no longer yours.');
      if (overdue.length > 0) open = await removeDeparted(this.#parts, me, open, overdue);
      const suite = deviceSuite(await cipherSuite, me.key);
      const made = await createApplicationMessage(open.state, writePayload(payload), suite);
      // The used key is on disk as used before the message leaves.
      await this.#store.write({ chat: open.chat, state: made.newState });
      await this.#device.backend.message(id, me.device, writePrivateMessage(made.privateMessage));
      for (const secret of made.consumed) zeroOutUint8Array(secret);
      await this.#store.writeChat(withPayload(open.chat, me.identity, payload));
    });
  }

  async #recheckOne(me: Me, id: string): Promise<Finding> {
    const open = await this.#open(id);
    const roster = await this.#parts.auth.recheck(open.state);
    const overdue = this.#overdue(id, roster);
    if (overdue.some(({ isSelf }) => isSelf)) {
      if (await this.#isBeingReplaced(open)) return { notices: [], isComplete: true };
      const line = systemLine('This device was taken out of your name. It can no longer write.', true);
      await this.#store.writeChat(withLines({ ...open.chat, isClosed: true }, line));
      return { notices: [], isComplete: true };
    }
    if (overdue.length > 0) await removeDeparted(this.#parts, me, open, overdue);
    // Alerts are told by the directory itself; here are answers that did not hold.
    const lies = roster.doubted.filter(({ error }) => isLie(error) && !isAlerted(error));
    const notices = lies.map(({ error, identity }) => problemNotice(error, { identity, own: me.identity }));
    return { notices, isComplete: roster.unchecked.length === 0 };
  }

  /** True if this device has a newer certificate than the group: then it is about to put that there. */
  async #isBeingReplaced({ state }: OpenChat): Promise<boolean> {
    const me = await readMe(this.#device);
    return me !== undefined && !hasOwnCertificate(state, me);
  }

  /** Returns the members whose time to replace a certificate is over. */
  #overdue(id: string, { departed }: Roster): Roster['departed'] {
    return departed.filter(({ serial = '' }) => {
      const key = `${id} ${serial}`;
      const sinceMs = this.#departedAtMs.get(key) ?? Date.now();
      this.#departedAtMs.set(key, sinceMs);
      return Date.now() - sinceMs >= GRACE_MS;
    });
  }

  async #open(id: string): Promise<OpenChat> {
    await settlePending(this.#parts, id);
    const open = await this.#store.read(id);
    if (open === undefined || open.chat.isClosed) throw new Error('This conversation has ended.');
    return open;
  }

  async #forEach(work: (open: OpenChat) => Promise<OpenChat>): Promise<void> {
    for (const { id, isClosed } of await this.list()) {
      if (!isClosed) await this.#tryCommit(async () => work(await this.#open(id)));
    }
  }

  /** Runs work that may commit, again if another device was faster, or has to be waited for: its commit may come. */
  async #tryCommit<T>(work: () => Promise<T>): Promise<T> {
    const untilMs = Date.now() + 2 * GRACE_MS;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#run(work);
      } catch (error) {
        const isSlow = error instanceof BackendError && error.code === 'epoch-over' && tries < TRIES;
        const isAwaited = error instanceof NotYet && Date.now() < untilMs;
        if (!isSlow && !isAwaited) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (isSlow ? tries + Math.random() : 2)));
      }
    }
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    const result = await this.#turns.run(work);
    this.#changed();
    return result;
  }
}

/** Throws the words for members about whom something is wrong. */
function assertSafe({ doubted, unchecked }: Roster, own: string): void {
  const alerted = doubted.find(({ error }) => isAlerted(error));
  if (alerted !== undefined) {
    const { identity = 'somebody', error } = alerted;
    const who = identity === own ? 'you' : nameOf(identity);
    throw new Error(`Nothing was sent. There is an alarm about ${who}.`, { cause: error });
  }
  const problems = [...doubted, ...unchecked];
  if (problems.length === 0) return;
  const text = refusalText(problems.map(({ error, identity }) => ({ error, identity, own })));
  throw new Error(`Nothing was sent. ${text}`);
}

const fromHex = (hex: string): number[] => (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
