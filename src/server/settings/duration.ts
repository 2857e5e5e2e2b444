import { ensure } from '../../core/errors.ts';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Parses a duration such as `90d`, `6h`, `30m`, `15s` or `250ms` into ms. Throws `usage`. */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? [];
  ensure(count !== undefined, 'usage', `not a duration: ${text} (such as 90d, 6h, 30m, 15s)`);
  const durationMs = Number(count) * UNITS[unit as keyof typeof UNITS];
  ensure(Number.isSafeInteger(durationMs) && durationMs > 0, 'usage', `not a duration: ${text}`);
  return durationMs;
}
