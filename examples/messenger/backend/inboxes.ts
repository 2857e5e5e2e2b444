import type { InboxEvent } from '../shared/protocol.ts';
import { allow } from './refusal.ts';

/** A thing to put into an inbox. */
export type NewEvent = Omit<InboxEvent, 'position'>;

/** Most things that wait in an inbox, and most characters of them. A sender is refused beyond. */
const MAX_EVENTS = 5_000;
const MAX_CHARACTERS = 32 * 1024 * 1024;

interface Inbox {
  events: InboxEvent[];
  characters: number;
  /** Position of the newest thing that was ever put in. */
  newest: number;
  wake: (() => void) | undefined;
}

/** An inbox for each device: it keeps bytes that it cannot read, in order, until the device has acknowledged them. */
export class Inboxes {
  readonly #byDevice = new Map<string, Inbox>();

  /** Refuses if one of the inboxes is full, before anything is put anywhere. */
  assertRoom(devices: readonly string[]): void {
    for (const device of devices) {
      const { events, characters } = this.#of(device);
      const hasRoom = events.length < MAX_EVENTS && characters < MAX_CHARACTERS;
      allow(hasRoom, 507, 'inbox-full', 'The other side has not read for too long. Try again later.');
    }
  }

  /** Puts a thing into an inbox, and wakes the device if it listens. */
  put(device: string, event: NewEvent): void {
    const inbox = this.#of(device);
    inbox.newest++;
    inbox.events.push({ position: inbox.newest, ...event });
    inbox.characters += event.body.length;
    inbox.wake?.();
  }

  /** Returns what waits behind a position. */
  after(device: string, position: number): readonly InboxEvent[] {
    return this.#of(device).events.filter((event) => event.position > position);
  }

  /** Forgets everything up to a position: the device has stored it. */
  acknowledge(device: string, position: number): void {
    const inbox = this.#of(device);
    inbox.events = inbox.events.filter((event) => event.position > position);
    inbox.characters = inbox.events.reduce((sum, { body }) => sum + body.length, 0);
  }

  /**
   * Waits for something new behind a position, for `patienceMs` at most. A device has one listener: a later one ends
   * the wait of an earlier one.
   */
  async waitFor(device: string, position: number, patienceMs: number): Promise<void> {
    const inbox = this.#of(device);
    inbox.wake?.();
    if (inbox.newest > position) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      inbox.wake = () => {
        clearTimeout(timer);
        inbox.wake = undefined;
        resolve();
      };
    });
  }

  #of(device: string): Inbox {
    const known = this.#byDevice.get(device);
    if (known !== undefined) return known;
    const inbox: Inbox = { events: [], characters: 0, newest: 0, wake: undefined };
    this.#byDevice.set(device, inbox);
    return inbox;
  }
}
