import { ensure } from '../../core/errors.ts';
import type { ServiceLimits } from '../service-limits.ts';

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
