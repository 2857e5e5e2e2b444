import type { Configuration } from './configuration.ts';

/**
 * Returns true if a log entry is past the log's maximum lifetime (KT §7.1), relative to the rightmost entry with
 * timestamp `rightmostMs`. Nothing expires in a log without a maximum lifetime.
 */
export function isExpired(
  config: Pick<Configuration, 'maximumLifetimeMs'>,
  timestampMs: number,
  rightmostMs: number,
): boolean {
  return config.maximumLifetimeMs !== undefined && rightmostMs - timestampMs >= config.maximumLifetimeMs;
}
