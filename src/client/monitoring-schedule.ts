import type { MonitoringDue } from './operations/monitoring-due.ts';

/** For {@link MonitoringSchedule}. */
export interface MonitoringScheduleOptions {
  /** The log's Reasonable Monitoring Window, ms: `directory.trust.config.reasonableMonitoringWindowMs`. */
  readonly windowMs: number;
  /** Longest pause between two rounds, ms. Default: a fourth of the window, at least a second and at most an hour. */
  readonly intervalMs?: number | undefined;
  /** ms since the epoch; default: the platform's clock. */
  readonly now?: (() => number) | undefined;
  /** In [0, 1); default: `Math.random`. Nothing secret depends on it. */
  readonly random?: (() => number) | undefined;
}

/** Rounds come up to so much of an interval early, so that clients that began together do not stay together. */
const JITTER = 0.2;
/** Pause after a first failure, ms. It doubles with each further one, up to the interval. */
const FIRST_RETRY_MS = 10_000;

/**
 * Tells when the next round of monitoring is due (KT §8: about once in every Reasonable Monitoring Window, and here four times,
 * so that a missed round costs nothing). Keeps no timer and asks nobody: whoever drives it waits until {@link nextAtMs}, runs
 * `directory.monitor()`, and says how it went.
 */
export class MonitoringSchedule {
  readonly #windowMs: number;
  readonly #intervalMs: number;
  readonly #now: () => number;
  readonly #random: () => number;
  /** When the last round ended; undefined: none yet. */
  #lastMs: number | undefined;
  /** When the last round that succeeded ended, or the schedule began. */
  #goodMs: number;
  #failures = 0;
  /** Of the pause that is now under way: in [0, 1). */
  #luck: number;

  constructor({ windowMs, intervalMs, now, random }: MonitoringScheduleOptions) {
    this.#windowMs = windowMs;
    this.#intervalMs = intervalMs ?? Math.min(Math.max(windowMs / 4, 1000), 3_600_000);
    this.#now = now ?? Date.now;
    this.#random = random ?? Math.random;
    this.#goodMs = this.#now();
    this.#luck = this.#random();
  }

  /**
   * When the next round is due, ms since the epoch; not after now: at once. `due` is what `directory.monitoringDue()` tells:
   * before the first round, what was never monitored is due at once, and the rest an interval after what waits for longest;
   * from then on, an interval after the last round, or after a later one by another client of the state. After failures it is
   * the end of a pause that doubles. A time in the future means that the clock was set back: then it is at once.
   */
  nextAtMs(due: readonly MonitoringDue[] = []): number {
    const nowMs = this.#now();
    const lastMs = this.#lastMs ?? Number.NEGATIVE_INFINITY;
    const waiting = due.map(({ monitoredAtMs }) => monitoredAtMs ?? Number.NEGATIVE_INFINITY);
    const sinceMs = this.#failures > 0 || waiting.length === 0 ? lastMs : Math.max(lastMs, Math.min(...waiting));
    if (sinceMs > nowMs) return nowMs;
    const pauseMs = this.#failures > 0 ? this.#retryMs() : this.#intervalMs * (1 - JITTER * this.#luck);
    return Math.max(sinceMs + pauseMs, nowMs);
  }

  /** A round went through. */
  succeeded(): void {
    this.#ended();
    this.#goodMs = this.#now();
    this.#failures = 0;
  }

  /** A round failed for a reason that may pass: nobody answered, or was too busy to. */
  failed(): void {
    this.#ended();
    this.#goodMs = Math.min(this.#goodMs, this.#now());
    this.#failures++;
  }

  /**
   * Whether nothing went through for a whole window: what is monitored could have been changed and changed back unseen, and
   * its user has to be told, since whoever keeps a client from its server does so too.
   */
  get isOverdue(): boolean {
    return this.#failures > 0 && this.#now() - this.#goodMs >= this.#windowMs;
  }

  #ended(): void {
    this.#lastMs = this.#now();
    this.#luck = this.#random();
  }

  #retryMs(): number {
    const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), this.#intervalMs);
    return pauseMs * (1 - this.#luck / 2);
  }
}
