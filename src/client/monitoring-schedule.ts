import type { MonitoringDue } from './operations/monitoring-due.ts';

/** For {@link MonitoringSchedule}. */
export interface MonitoringScheduleOptions {
  /** The log's Reasonable Monitoring Window, ms: `directory.trust.config.reasonableMonitoringWindowMs`. */
  readonly windowMs: number;
  /**
   * Longest pause between two rounds, ms; more than half the window counts as half. Default: a quarter of the window,
   * between a second and an hour.
   */
  readonly intervalMs?: number | undefined;
  /** ms since the epoch; default: the platform's clock. */
  readonly now?: (() => number) | undefined;
  /** In [0, 1); default: `Math.random`. Nothing secret depends on it. */
  readonly random?: (() => number) | undefined;
}

/** Greatest share of an interval by which a round comes early, so that clients that began together spread out. */
const JITTER = 0.2;
/** Pause after a first failure, ms. It doubles with each further one, up to the interval. */
const FIRST_RETRY_MS = 10_000;
/** Shortest limit of a pause, and of a round after a success, ms. */
const SHORTEST_MS = 1000;

/**
 * Schedules rounds of monitoring (KT §8): four in every Reasonable Monitoring Window, where the draft asks for about
 * one, so that a missed round costs nothing. It keeps no timer and makes no request: its driver waits until
 * {@link nextAtMs}, runs `directory.monitor()`, and reports the outcome.
 */
export class MonitoringSchedule {
  readonly #windowMs: number;
  readonly #intervalMs: number;
  readonly #now: () => number;
  readonly #random: () => number;
  /** End of the last round; undefined before the first. */
  #lastMs: number | undefined;
  /** End of the last successful round, or the start of the schedule. */
  #goodMs: number;
  #failures = 0;
  /** Jitter of the present pause, in [0, 1). */
  #luck: number;

  constructor({ windowMs, intervalMs, now, random }: MonitoringScheduleOptions) {
    this.#windowMs = windowMs;
    const standardMs = Math.min(Math.max(windowMs / 4, SHORTEST_MS), 3_600_000);
    this.#intervalMs = Math.min(intervalMs ?? standardMs, this.#halfMs);
    this.#now = now ?? Date.now;
    this.#random = random ?? Math.random;
    this.#goodMs = this.#now();
    this.#luck = this.#random();
  }

  /**
   * Returns when the next round is due, ms since the epoch; at once if that is not after now. `due` is the result of
   * `directory.monitoringDue()`.
   *
   * Before the first round, what was never monitored is due at once, and the rest an interval after the oldest
   * monitoring. After that, a round is due an interval after the last one, or after a later one by another client of
   * the state. After failures it is due at the end of a pause that doubles. If the last round lies in the future, the
   * clock was set back: then it is due at once.
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

  /** Reports a successful round. */
  succeeded(): void {
    this.#ended();
    this.#goodMs = this.#now();
    this.#failures = 0;
  }

  /** Reports a round that failed for a reason that may pass, such as a server that is busy or does not answer. */
  failed(): void {
    this.#ended();
    this.#goodMs = Math.min(this.#goodMs, this.#now());
    this.#failures++;
  }

  /**
   * True if no round succeeded for a whole window: what is monitored could have been changed and changed back unseen.
   * Tell the user, since an attacker may be the one who keeps the client from its server.
   */
  get isOverdue(): boolean {
    return this.#failures > 0 && this.#now() - this.#goodMs >= this.#windowMs;
  }

  /**
   * Longest time that the next round may take, ms. End a round that takes longer, and tell the user: a server that
   * answers slowly enough could otherwise keep the client from ever noticing that nothing is watched. It is what is
   * left of the window, and at least half a window after a success, for a computer that was asleep.
   */
  get patienceMs(): number {
    const leftMs = Math.min(this.#goodMs + this.#windowMs - this.#now(), this.#windowMs);
    return Math.max(leftMs, this.#failures > 0 ? 0 : this.#halfMs);
  }

  get #halfMs(): number {
    return Math.max(this.#windowMs / 2, SHORTEST_MS);
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
