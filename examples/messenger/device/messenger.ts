import { isGlasskeyError } from 'glasskey';
import { type SafetyNumber, safetyNumber } from 'glasskey/e2ee';
import type { InboxEvent } from '../shared/protocol.ts';
import { backUp, restoreBackup } from './backup/backups.ts';
import { fromBase64 } from './bytes.ts';
import { admit, type Device, type Me, openDevice, openInbox, readMe } from './device.ts';
import { approveLink, finishLink, requestToLink } from './linking.ts';
import { Calls } from './calls/calls.ts';
import type { Chat } from './mls/chat.ts';
import { Chats } from './mls/chats.ts';
import { refillKeyPackages } from './mls/key-package-stock.ts';
import { type OwnDevice, ownDevices, revokeDevice, rotateKey, sendDeviceNote } from './own-devices.ts';
import { Turns } from './turns.ts';
import { Watch } from './watch.ts';
import type { Notice } from './notice.ts';
import { failureText } from './words.ts';

/** Time after which a new device that never comes is no longer waited for, ms. */
const GIVE_UP_MS = 86_400_000;

/** Pause before an inbox is read again after a failure, ms. */
const RETRY_MS = 2_000;

/** The screen that the user is at. */
export type Stage =
  | { readonly type: 'log-in'; readonly name?: string | undefined }
  /** Another device must add this one: its camera reads the code. */
  | { readonly type: 'link'; readonly name: string; readonly code: string; readonly failure?: string | undefined }
  | { readonly type: 'ready'; readonly me: Me };

/** Everything that a page shows. */
export interface Snapshot {
  readonly stage: Stage;
  readonly chats: readonly Chat[];
  readonly notices: readonly Notice[];
}

/** The messenger on one device, without a page. */
export class Messenger {
  readonly #device: Device;
  readonly #chats: Chats;
  readonly calls: Calls;
  readonly #inbox = new Turns();
  readonly #changed: () => void;
  #stage: Stage = { type: 'log-in' };
  #notices: readonly Notice[] = [];
  #watch: Watch | undefined;
  #deaf: () => void = () => undefined;

  private constructor(device: Device, changed: () => void) {
    this.#device = device;
    this.#changed = changed;
    this.#chats = new Chats(device, changed);
    this.calls = new Calls(device, changed);
  }

  /**
   * Opens the messenger, and goes on with a session if there is one. `changed` is called when there is news to show.
   */
  static async open(changed: () => void): Promise<Messenger> {
    const messenger = new Messenger(await openDevice(), changed);
    await messenger.#resume();
    return messenger;
  }

  /** Returns everything that a page shows. */
  async snapshot(): Promise<Snapshot> {
    return { stage: this.#stage, chats: await this.#chats.list(), notices: this.#notices };
  }

  /** Creates an account, or logs in, and makes this device one of it. */
  async enter(how: 'sign-up' | 'log-in', name: string, password: string): Promise<void> {
    const known = await readMe(this.#device);
    if (known !== undefined && known.name !== name) throw new Error(`This device belongs to ${known.name}.`);
    const { backend } = this.#device;
    await (how === 'sign-up' ? backend.signUp(name, password) : backend.logIn(name, password));
    await this.#admit(name);
  }

  async logOut(): Promise<void> {
    this.#watch?.stop();
    this.#deaf();
    await this.#device.backend.logOut();
    const me = await readMe(this.#device);
    this.#show({ type: 'log-in', name: me?.name });
  }

  startChat = (names: readonly string[], title?: string): Promise<string> => this.#chats.create(this.#me, names, title);
  send = (chat: string, text: string): Promise<void> => this.#chats.sendText(this.#me, chat, text);
  devices = (): Promise<readonly OwnDevice[]> => ownDevices(this.#device, this.#me);

  /** Adds a new device of the user by the text of its code, and lets it into all conversations. */
  async addDevice(code: string): Promise<void> {
    const me = this.#me;
    await approveLink(this.#device, me, code);
    await sendDeviceNote(this.#device, me);
    // Its KeyPackages come when it has read the answer: the next rounds of the watch try again.
    await this.#device.storage.put({ 'adding-devices': Date.now() });
    this.#changed();
  }

  /** Takes a lost device out of the name and of all conversations. */
  async removeDevice(lost: OwnDevice): Promise<void> {
    const me = this.#me;
    await revokeDevice(this.#device, me, lost);
    await sendDeviceNote(this.#device, me);
    await this.#chats.removeDevice(me, lost.device);
  }

  /** Replaces this device's key, in the log and in all conversations. */
  async rotate(): Promise<void> {
    const before = this.#me;
    const me = await rotateKey(this.#device, before);
    await sendDeviceNote(this.#device, before, before.key);
    await this.#moveTo(me);
  }

  /** Returns the log as this device last saw it, for another person to compare; undefined before it has seen any. */
  heads = (): Promise<string | undefined> => this.#device.storage.get<string>('heads');

  /** Compares another person's view of the log with this one. Throws the words for two that contradict each other. */
  async compareHeads(text: string): Promise<void> {
    await this.#device.directory.compareHeads(text.trim()).catch((cause: unknown) => {
      if (!isGlasskeyError(cause, 'log-forked')) throw cause;
      const words = 'You were shown two different logs. The service deceives one of you: tell everybody.';
      throw new Error(words, { cause });
    });
  }

  /** Returns the safety number with a contact. */
  safetyNumber = (identity: string): Promise<SafetyNumber> =>
    safetyNumber(this.#device.directory, this.#me.identity, identity);

  /** Makes a backup. Returns its password the first time. */
  async backUp(): Promise<string | undefined> {
    return backUp(this.#device, this.#me, await this.#chats.list());
  }

  /** On a device that waits to be added: puts a backup back. Open the messenger anew afterwards. */
  async restore(password: string): Promise<void> {
    if (this.#stage.type !== 'link') throw new Error('Only a new device restores a backup.');
    await restoreBackup(this.#device, this.#stage.name, password);
  }

  /** Forgets an alarm: the user says that the keys are right, or hides a lie that is over. */
  async seen(notice: Notice): Promise<void> {
    await this.#watch?.seen(notice);
  }

  /** Keeps that a contact has denied a change of keys. */
  async denied(notice: Notice): Promise<void> {
    await this.#watch?.denied(notice);
  }

  get #me(): Me {
    if (this.#stage.type !== 'ready') throw new Error('Please log in.');
    return this.#stage.me;
  }

  async #resume(): Promise<void> {
    const [me, session] = await Promise.all([readMe(this.#device), this.#device.backend.session()]);
    if (session === undefined || (me !== undefined && me.name !== session)) {
      return this.#show({ type: 'log-in', name: me?.name });
    }
    await this.#admit(session);
  }

  async #admit(name: string): Promise<void> {
    const admission = await admit(this.#device, name);
    if (admission.type === 'ready') return this.#begin(admission.me);
    const { id, code } = await requestToLink(this.#device, name);
    this.#show({ type: 'link', name, code });
    await this.#listen(id, name);
  }

  async #begin(me: Me): Promise<void> {
    await openInbox(this.#device, me.name, me.key);
    // So that others can add this device as soon as they see its name.
    await refillKeyPackages(this.#device, me, { replaces: false }).catch(() => undefined);
    this.#show({ type: 'ready', me });
    await this.#listen(me.device, me.name);
    this.#watch = new Watch({
      device: this.#device,
      chats: this.#chats,
      me: () => this.#me,
      maintain: () => this.#maintain(),
      tell: (notices) => this.#tell(notices),
      renewed: (next) => this.#moveTo(next),
    });
    this.#watch.start();
  }

  /** Makes up for what was interrupted: a rotation, a new device that is missing in groups, a stock that is low. */
  async #maintain(): Promise<void> {
    const me = await readMe(this.#device);
    if (me === undefined) return;
    await refillKeyPackages(this.#device, me, { replaces: false });
    await this.#chats.settleCertificate(me);
    await this.#addMissingDevices();
  }

  /** Goes on with a new certificate, and perhaps a new key, whose inbox is another one. */
  async #moveTo(me: Me): Promise<void> {
    const { device: before } = this.#me;
    await openInbox(this.#device, me.name, me.key);
    await this.#chats.settleCertificate(me);
    await refillKeyPackages(this.#device, me, { replaces: true });
    this.#show({ type: 'ready', me });
    if (me.device !== before) await this.#listen(me.device, me.name);
  }

  #tell(notices: readonly Notice[]): void {
    this.#notices = notices;
    this.#changed();
  }

  async #addMissingDevices(): Promise<void> {
    const sinceMs = await this.#device.storage.get<number>('adding-devices');
    if (sinceMs === undefined) return;
    const isDone = await this.#chats.addOwnDevices(this.#me).catch(() => false);
    if (isDone || Date.now() - sinceMs > GIVE_UP_MS) await this.#device.storage.put({ 'adding-devices': undefined });
  }

  /** Takes things out of an inbox, one after the other. If one fails, it and all behind it are fetched again. */
  async #listen(inbox: string, name: string): Promise<void> {
    const { storage, backend } = this.#device;
    this.#deaf();
    const after = (await storage.get<number>(`position:${inbox}`)) ?? 0;
    let isDeaf = false;
    let timer = 0;
    const take = async (event: InboxEvent): Promise<void> => {
      if (isDeaf) return;
      const position = { [`position:${inbox}`]: event.position };
      await this.#receive(name, event, position);
      // A chat has stored it already, together with its group: nothing is taken twice after a crash.
      await storage.put(position);
      await backend.acknowledge(inbox, event.position).catch(() => undefined);
      this.#changed();
    };
    const stop = backend.listen(inbox, after, (event) => {
      this.#inbox
        .run(() => take(event))
        .catch(() => {
          if (isDeaf) return;
          this.#deaf();
          timer = window.setTimeout(() => void this.#listen(inbox, name), RETRY_MS);
        });
    });
    this.#deaf = (): void => {
      isDeaf = true;
      window.clearTimeout(timer);
      stop();
    };
  }

  async #receive(name: string, event: InboxEvent, position: Readonly<Record<string, number>>): Promise<void> {
    const bytes = fromBase64(event.body);
    switch (event.kind) {
      case 'welcome':
      case 'commit':
      case 'message':
        return this.#chats.receive(this.#me, event, position);
      case 'link':
        return this.#finishLink(name, bytes);
      case 'note':
        return this.#receiveNote(new TextDecoder().decode(bytes));
      case 'call':
        // A call takes longer than a thing in an inbox may: it goes on beside.
        void this.calls.receive(event);
    }
  }

  async #finishLink(name: string, sealed: Uint8Array): Promise<void> {
    const stage = this.#stage;
    if (stage.type !== 'link') return;
    const me = await finishLink(this.#device, name, sealed).catch((error: unknown) => {
      this.#show({ ...stage, failure: `This device was not added: ${failureText(error)}` });
    });
    if (me !== undefined) await this.#begin(me);
  }

  /** Another device of the user explains a change. The directory verifies it, so a false note changes nothing. */
  async #receiveNote(note: string): Promise<void> {
    await this.#device.directory.acceptDeviceNote(this.#me.identity, note).catch((error: unknown) => {
      if (!isGlasskeyError(error)) throw error;
    });
    await this.#watch?.now();
  }

  #show(stage: Stage): void {
    this.#stage = stage;
    if (stage.type === 'ready') this.calls.setMe(stage.me);
    this.#changed();
  }
}
