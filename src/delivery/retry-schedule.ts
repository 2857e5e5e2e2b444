/** Attempts at one notice. The last comes about a day and a half after the first. */
export const MAX_ATTEMPTS = 16;

const FIRST_DELAY_MS = 30_000;
const LONGEST_DELAY_MS = 6 * 3_600_000;

/**
 * Returns the delay before the next attempt, ms; undefined after the last one. `attempts` counts those that failed, 1
 * or more. The delay doubles from 30 s to 6 h, and half of it is random, so that a receiver that comes back is not
 * asked by everybody at once. `advisedMs` is the receiver's wish: it lengthens the delay, to 6 h at most. `random`
 * returns 0 to 1, without 1.
 */
export function redeliveryDelayMs(
  attempts: number,
  advisedMs: number | undefined,
  random: () => number,
): number | undefined {
  if (attempts >= MAX_ATTEMPTS) return undefined;
  const longest = Math.min(FIRST_DELAY_MS * 2 ** Math.max(attempts - 1, 0), LONGEST_DELAY_MS);
  const delay = longest / 2 + (random() * longest) / 2;
  return Math.round(Math.max(delay, Math.min(advisedMs ?? 0, LONGEST_DELAY_MS)));
}
