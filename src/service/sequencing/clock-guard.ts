import { ensure } from '../../core/errors.ts';
import type { LogContext } from '../log/log-context.ts';
import type { ServiceLimits } from '../service-limits.ts';

type GuardedClock = Pick<LogContext, 'now' | 'monotonic' | 'limits' | 'configuration'>;

/**
 * Watches the wall clock of a writer: against the last entry, and against the monotonic clock from its first use on. A
 * start must believe a clock that is hours ahead of the last entry; a running writer knows how much time has passed.
 */
export class ClockGuard {
  readonly #clock: GuardedClock;
  #acceptGap: boolean;
  /** Wall clock minus monotonic clock at the first use, ms. */
  #offsetMs: number | undefined;

  /** With `acceptGap`, the first entry may be later than the last one by any time. */
  constructor(clock: GuardedClock, acceptGap: boolean) {
    this.#clock = clock;
    this.#acceptGap = acceptGap;
  }

  /** Believes the clock anew, for a process that becomes the writer; not a clock that was set since the first use. */
  restart(): void {
    if (this.#isSteady()) this.#offsetMs = undefined;
  }

  /** Takes note of the clock, if nothing has used it yet. */
  note(): void {
    this.#offsetMs ??= this.#nowOffsetMs();
  }

  /** Throws `clock-skew` if the wall clock was set by more than the log's `max_ahead` since its first use. */
  assertSteady(): void {
    this.note();
    const byMs = this.#setByMs();
    const advice = 'set it right; if it is right now, restart this server';
    ensure(this.#isSteady(), 'clock-skew', `the clock was set by ${seconds(byMs)} s while this server ran: ${advice}`);
  }

  /** Returns the timestamp of the entry after one of `lastTimestampMs`. Throws `clock-skew`. */
  next(lastTimestampMs: number): number {
    this.assertSteady();
    const { limits, now } = this.#clock;
    const bounds = this.#acceptGap ? { ...limits, maxClockAheadMs: Infinity } : limits;
    return nextTimestamp(lastTimestampMs, now(), bounds);
  }

  /** Takes note of an entry by this clock: from now on, no gap is accepted. */
  appended(): void {
    this.#acceptGap = false;
  }

  #nowOffsetMs(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  #setByMs(): number {
    return this.#offsetMs === undefined ? 0 : this.#nowOffsetMs() - this.#offsetMs;
  }

  #isSteady(): boolean {
    return Math.abs(this.#setByMs()) <= this.#clock.configuration.maxAheadMs;
  }
}

/**
 * Returns the timestamp of the next log entry, ms: the clock's, but never before the last entry's. Throws `clock-skew`
 * for a clock that is out of bounds: one entry from the future would make every later one look too old, for ever
 * (docs/architecture.md#sequencing-and-durability).
 */
export function nextTimestamp(
  lastTimestampMs: number,
  nowMs: number,
  limits: Pick<ServiceLimits, 'maxClockAheadMs' | 'maxClockBehindMs'>,
): number {
  const aheadMs = nowMs - lastTimestampMs;
  const isAhead = aheadMs > limits.maxClockAheadMs;
  ensure(!isAhead, 'clock-skew', `the clock is ${seconds(aheadMs)} s ahead of the last log entry`);
  const isBehind = -aheadMs > limits.maxClockBehindMs;
  ensure(!isBehind, 'clock-skew', `the clock is ${seconds(-aheadMs)} s behind the last log entry`);
  return Math.max(nowMs, lastTimestampMs);
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
