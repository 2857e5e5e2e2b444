const LOCALE = 'en';
const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** Returns a whole number with separators. */
export function numberText(value: number): string {
  return value.toLocaleString(LOCALE);
}

/** Returns a number with its noun, in the plural for any number but 1. */
export function countText(value: number, noun: string, plural = `${noun}s`): string {
  return `${numberText(value)} ${value === 1 ? noun : plural}`;
}

/** Returns a span of time in its greatest whole unit. */
export function spanText(ms: number): string {
  for (const [unit, length] of UNITS) {
    if (ms >= length) return countText(Math.floor(ms / length), unit);
  }
  return 'less than a second';
}

/** Returns how long ago a time was. A time up to a minute ahead is "just now": clocks differ. */
export function ageText(timeMs: number, nowMs: number): string {
  const age = nowMs - timeMs;
  if (age < -60_000) return `${spanText(-age)} ahead of this device's clock`;
  return age < 1000 ? 'just now' : `${spanText(age)} ago`;
}

/** Returns a day and time in UTC. */
export function timeText(timeMs: number): string {
  const options = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' } as const;
  return `${new Date(timeMs).toLocaleString(LOCALE, options)} UTC`;
}

/** Returns a day in UTC. */
export function dayText(timeMs: number): string {
  return new Date(timeMs).toLocaleDateString(LOCALE, { day: 'numeric', month: 'short', timeZone: 'UTC' });
}

/** Returns hex digits in groups of four, which people can compare. */
export function grouped(hex: string): string {
  return hex.replaceAll(/(.{4})(?=.)/g, '$1 ');
}
