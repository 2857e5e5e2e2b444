import { GlasskeyError } from '../../core/errors.ts';
import type { LogEvent, LogStore, SubmissionOutcome } from '../../store/ports.ts';
import type { ServiceLimits } from '../service-limits.ts';
import { RecentCache } from '../../core/recent-cache.ts';
import { readReleasedLog, type ReleasedLog } from './released-log.ts';
import { Waiters } from './waiters.ts';

/** The outcome of a settled submission. */
export type SettledOutcome = Exclude<SubmissionOutcome, { readonly state: 'queued' }>;

/** Outcomes kept for callers that ask late. */
const RECENT_OUTCOMES = 10_000;

/**
 * The progress of a log, as this process knows it: the released log, and outcomes of submissions. It learns from a
 * sequencer in this process, from the store's notifications, and by polling while a caller waits.
 */
export class LogProgress {
  readonly #store: LogStore;
  readonly #limits: ServiceLimits;
  readonly #outcomes = new Waiters<number, SettledOutcome>();
  readonly #recent = new RecentCache<SettledOutcome>(RECENT_OUTCOMES);
  readonly #releases = new Waiters<number, ReleasedLog>();
  readonly #forgetters: (() => void)[] = [];
  readonly #listeners: ((log: ReleasedLog) => void)[] = [];
  #released: ReleasedLog | undefined;
  /** The largest released size that this process has seen, even if the database has lost it since. */
  #largestSeen = 0;
  #refreshing: Promise<ReleasedLog> | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #asking = false;
  #stopped = false;

  constructor(store: LogStore, limits: ServiceLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  /** Starts to listen. */
  async start(): Promise<void> {
    this.#unsubscribe = await this.#store.subscribe((event) => this.#hear(event));
  }

  /** Stops; waiting callers get `shutting-down`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const error = new GlasskeyError('shutting-down', 'the server is shutting down; ask the same again');
    this.#outcomes.failAll(error);
    this.#releases.failAll(error);
    await this.#unsubscribe?.();
  }

  /** Returns the released log as last known; reads it from the store the first time. */
  async released(): Promise<ReleasedLog> {
    return this.#released ?? this.refresh();
  }

  /** Reads the released log from the store (singleflight). */
  async refresh(): Promise<ReleasedLog> {
    this.#refreshing ??= this.#read().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #read(): Promise<ReleasedLog> {
    const known = this.#released;
    const log = await readReleasedLog(this.#store);
    if (known !== undefined && log.released.size < known.released.size) this.forget();
    return this.noteReleased(log);
  }

  /** Returns `log-rolled-back` if the database holds only `size` entries, and this process has seen more released. */
  findLoss(size: number): GlasskeyError | undefined {
    if (size >= this.#largestSeen) return undefined;
    const message = `this server has seen size ${this.#largestSeen} released; the database is older: it has ${size} entries`;
    return new GlasskeyError('log-rolled-back', message);
  }

  /** True if this process knows the release of `size`, or of a larger one. */
  knows(size: number): boolean {
    return this.#released !== undefined && this.#released.released.size >= size;
  }

  /** Calls `forget` whenever the database has lost released entries: what is cached of them is void. */
  onLoss(forget: () => void): void {
    this.#forgetters.push(forget);
  }

  /** Calls `listener` with each released log that is later than those before. */
  onRelease(listener: (log: ReleasedLog) => void): void {
    this.#listeners.push(listener);
  }

  /** Drops the released log and everything cached of it: the database has lost entries. The next read asks it. */
  forget(): void {
    this.#released = undefined;
    this.#recent.clear();
    for (const forget of this.#forgetters) forget();
  }

  /** Records a released log unless a later one is known. Returns the latest. */
  noteReleased(log: ReleasedLog): ReleasedLog {
    const known = this.#released;
    if (known !== undefined && known.released.size >= log.released.size) return known;
    this.#released = log;
    this.#largestSeen = Math.max(this.#largestSeen, log.released.size);
    for (const listener of this.#listeners) listener(log);
    for (const size of this.#releases.keys) if (size <= log.released.size) this.#releases.settle(size, log);
    return log;
  }

  /** Records settled submissions. */
  noteOutcomes(outcomes: readonly SettledOutcome[]): void {
    for (const outcome of outcomes) {
      this.#recent.set(String(outcome.id), outcome);
      this.#outcomes.settle(outcome.id, outcome);
    }
  }

  /** Waits until a submission is settled. Throws `timed-out`, `shutting-down`. */
  async waitForOutcome(submissionId: number, timeoutMs: number): Promise<SettledOutcome> {
    const known = this.#recent.get(String(submissionId));
    if (known !== undefined) return known;
    this.#assertRunning();
    const outcome = this.#outcomes.wait(submissionId, timeoutMs);
    this.#askLater();
    return outcome;
  }

  /** Waits until at least `size` is released. Throws `timed-out`, `shutting-down`. */
  async waitForRelease(size: number, timeoutMs: number): Promise<ReleasedLog> {
    const known = this.#released;
    if (known !== undefined && known.released.size >= size) return known;
    this.#assertRunning();
    const released = this.#releases.wait(size, timeoutMs);
    this.#askLater();
    return released;
  }

  #assertRunning(): void {
    if (this.#stopped) throw new GlasskeyError('shutting-down', 'the server is shutting down');
  }

  #hear(event: LogEvent): void {
    if (event === 'submitted' || this.#stopped) return;
    if (event === 'released') this.refresh().catch(() => undefined);
    else void this.#ask();
  }

  /** Notifications can get lost: polls the store while a caller waits. */
  #askLater(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        void this.#ask().then(() => {
          if (!this.#outcomes.isEmpty || !this.#releases.isEmpty) this.#askLater();
        });
      },
      Math.max(this.#limits.batchIntervalMs, 20),
    );
  }

  async #ask(): Promise<void> {
    if (this.#asking || this.#stopped) return;
    this.#asking = true;
    try {
      const ids = this.#outcomes.keys;
      if (ids.length > 0) this.noteOutcomes((await this.#store.readOutcomes(ids)).filter(isSettled));
      if (!this.#releases.isEmpty) await this.refresh();
    } catch {
      // The waiters keep their deadlines; the store is asked again.
    } finally {
      this.#asking = false;
    }
  }
}

function isSettled(outcome: SubmissionOutcome): outcome is SettledOutcome {
  return outcome.state !== 'queued';
}
