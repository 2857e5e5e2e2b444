import { MonitoringSchedule } from 'glasskey';
import { BackendError } from './backend.ts';
import type { Device, Me } from './device.ts';
import { renewIfDue } from './own-devices.ts';
import type { Chats } from './mls/chats.ts';
import { alertNotice, distinctLies, isAlerted, isLie, type Notice, problemNotice } from './words.ts';

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
 * the certificate. Lies that it has seen stay until the user says "seen", also after a restart.
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

  /** Forgets an alarm: the user has asked the contact, or has told it to others. */
  async seen({ name, title }: Notice): Promise<void> {
    const { device } = this.#options;
    if (name === undefined) await device.storage.put({ [`lie:${title}`]: undefined });
    else await device.directory.acknowledge([name]);
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
    // Those about a name come first.
    const found = [...(await this.#recheck(chats)), ...monitored];
    const lies = distinctLies(found.filter(({ kind }) => kind === 'alarm'));
    await device.storage.put(Object.fromEntries(lies.map((notice) => [`lie:${notice.title}`, notice])));
    const alerts = await device.directory.alerts();
    const told = alerts.map((alert) => alertNotice(alert, me().identity));
    const kept = await device.storage.list<Notice>('lie:');
    tell([...told, ...kept, ...found.filter(({ kind }) => kind === 'news')]);
  }

  async #monitor(): Promise<readonly Notice[]> {
    const { device, me, renewed } = this.#options;
    try {
      await device.directory.monitor();
      this.#schedule.succeeded();
      // For a friend to compare, also when the service lies later.
      await device.storage.put({ heads: await device.directory.heads() });
      const next = await renewIfDue(device, me());
      if (next !== undefined) await renewed(next);
      return [];
    } catch (error) {
      this.#schedule.failed();
      if (isAlerted(error)) return [];
      if (isLie(error)) return [problemNotice(error)];
      if (!this.#schedule.isOverdue) return [];
      const text = 'Somebody could change your keys and change them back, unseen. Is this device online?';
      return [{ kind: 'alarm', title: 'Nobody watches your name now.', text }];
    }
  }

  async #recheck(chats: Chats): Promise<readonly Notice[]> {
    return chats.recheck(this.#options.me()).catch((error: unknown) => {
      // The backend is away, or another device is faster: the next round tries again.
      if (error instanceof BackendError) return [];
      return [problemNotice(error)];
    });
  }
}
