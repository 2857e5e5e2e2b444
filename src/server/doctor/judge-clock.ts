import { failing, fine, type Finding, warning } from './finding.ts';

/** A difference that is worth a look, ms. The Date of an HTTP answer is only precise to a second. */
const NOTICEABLE_MS = 5_000;
/** The `max_ahead` of every log: clients refuse an entry that is further ahead of their clock. */
const MAX_AHEAD_MS = 60_000;

const ADVICE = 'run a time service (chrony, systemd-timesyncd) on both machines';

/** Judges the difference between another clock and this machine's, ms. */
export function judgeClock(check: string, aheadMs: number): Finding {
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const detail = `this machine is ${seconds} s ${aheadMs > 0 ? 'behind' : 'ahead'}`;
  if (Math.abs(aheadMs) > MAX_AHEAD_MS) return failing(check, detail, ADVICE);
  if (Math.abs(aheadMs) > NOTICEABLE_MS) return warning(check, detail, ADVICE);
  return fine(check, seconds === 0 ? 'the same' : detail);
}
