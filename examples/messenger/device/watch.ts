import { MonitoringSchedule } from 'glasskey';
import { BackendError } from './backend.ts';
import type { Device, Me } from './device.ts';
import { renewIfDue } from './own-devices.ts';
import type { Chats } from './mls/chats.ts';
import { mergeLies } from './lies.ts';
import type { Finding, Notice } from './notice.ts';
import { alertNotice, isAlerted, isLie, problemNotice } from './words.ts';

/**
 * Pause between two rounds, ms. An app on a phone takes the default of the schedule: a quarter of the window, an hour
 * at most.
 */
const INTERVAL_MS = 4_000;

/** Parts that a watch uses. */
export interface WatchOptions {
  readonly device: Device;
  readonly chats: Chats;
  readonly me: () => Me;
  /** Runs at the beginning of each round. What it could not do, a later round does. */
  readonly maintain: () => Promise<void>;
  /** Is called after each round with everything that the user has to know. */
  readonly tell: (notices: readonly Notice[]) => void;
  /** Is called when this device has got a new certificate. */
  readonly renewed: (me: Me) => Promise<void>;
}

/**
 * Watches the user's own name and the contacts: monitors the log, checks the members of all conversations, and renews
 * the certificate. Lies that it has seen stay until they are over and the user hides them, also after a restart.
 */
export class Watch {
  readonly #options: WatchOptions;
  readonly #schedule: MonitoringSchedule;
  #timer = 0;
  #isStopped = false;
  #round: Promise<void> | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    const windowMs = options.device.directory.trust.config.reasonableMonitoringWindowMs;
    this.#schedule = new MonitoringSchedule({ windowMs, intervalMs: INTERVAL_MS });
  }

  /** Starts with a round at once. */
  start(): void {
    void this.#roundAndNext();
  }

  stop(): void {
    window.clearTimeout(this.#timer);
    this.#isStopped = true;
  }

  /** Runs a round, or waits for the one that runs. */
  now(): Promise<void> {
    this.#round ??= this.#run().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  /** Forgets an alarm: the user says that the keys are right, or hides a lie that is over. */
  async seen({ about, asks, title }: Notice): Promise<void> {
    const { device } = this.#options;
    if (asks === undefined || about === undefined) await device.storage.put({ [`lie:${title}`]: undefined });
    else await device.directory.acknowledge([about]);
    await this.now();
  }

  /** Keeps that a contact has denied a change of keys. The stop stays until the user says that the keys are right. */
  async denied({ about, version }: Notice): Promise<void> {
    await this.#options.device.storage.put({ [`denied:${about}:${version}`]: true });
    await this.now();
  }

  async #roundAndNext(): Promise<void> {
    await this.now().catch(() => undefined);
    const due = await this.#options.device.directory.monitoringDue().catch(() => []);
    const pauseMs = Math.max(this.#schedule.nextAtMs(due) - Date.now(), 1_000);
    if (!this.#isStopped) this.#timer = window.setTimeout(() => this.start(), Math.min(pauseMs, INTERVAL_MS));
  }

  async #run(): Promise<void> {
    const { device, chats, me, maintain, tell } = this.#options;
    await maintain().catch(() => undefined);
    const monitored = await this.#monitor();
    const rechecked = await this.#recheck(chats);
    const found = [...rechecked.notices, ...monitored.notices];
    const lies = await this.#keep({
      notices: found.filter(({ kind }) => kind === 'alarm'),
      isComplete: rechecked.isComplete && monitored.isComplete,
    });
    const alerts = await device.directory.alerts();
    const told = await Promise.all(
      alerts.map(async (alert) => {
        const isDenied = await device.storage.get<boolean>(`denied:${alert.identity}:${alert.version}`);
        return alertNotice(alert, me().identity, isDenied);
      }),
    );
    tell([...told, ...lies, ...found.filter(({ kind }) => kind === 'news')]);
  }

  /** Stores the lies of a round with those from before, and returns all. */
  async #keep(found: Finding): Promise<readonly Notice[]> {
    const { storage } = this.#options.device;
    const kept = await storage.list<Notice>('lie:');
    const lies = mergeLies(kept, found, Date.now());
    const gone = kept.map(({ title }) => [`lie:${title}`, undefined] as const);
    await storage.put(Object.fromEntries([...gone, ...lies.map((notice) => [`lie:${notice.title}`, notice] as const)]));
    return lies;
  }

  async #monitor(): Promise<Finding> {
    const { device, me, renewed } = this.#options;
    try {
      await device.directory.monitor();
      this.#schedule.succeeded();
      // For a friend to compare, also when the service lies later.
      await device.storage.put({ heads: await device.directory.heads() });
      const next = await renewIfDue(device, me());
      if (next !== undefined) await renewed(next);
      return { notices: [], isComplete: true };
    } catch (error) {
      this.#schedule.failed();
      const isComplete = false;
      if (isLie(error) && !isAlerted(error)) return { notices: [problemNotice(error)], isComplete };
      if (isAlerted(error) || !this.#schedule.isOverdue) return { notices: [], isComplete };
      const text = 'Somebody could change your keys and change them back, unseen. Is this device online?';
      return { notices: [{ kind: 'alarm', title: 'Nobody watches your name now.', text }], isComplete };
    }
  }

  async #recheck(chats: Chats): Promise<Finding> {
    return chats.recheck(this.#options.me()).catch((error: unknown) => {
      // The backend is away, or another device is faster: the next round tries again.
      const notices = error instanceof BackendError ? [] : [problemNotice(error)];
      return { notices, isComplete: false };
    });
  }
}
