import { describe, expect, it } from 'vitest';
import { MAX_ATTEMPTS, redeliveryDelayMs } from '../../src/delivery/retry-schedule.ts';

const most = (): number => 1 - Number.EPSILON;
const least = (): number => 0;

describe('the delay before the next attempt', () => {
  it('doubles from half a minute to six hours, and half of it is random', () => {
    expect([1, 2, 3].map((attempts) => redeliveryDelayMs(attempts, undefined, most))).toEqual([
      30_000, 60_000, 120_000,
    ]);
    expect([1, 2, 3].map((attempts) => redeliveryDelayMs(attempts, undefined, least))).toEqual([
      15_000, 30_000, 60_000,
    ]);
    expect(redeliveryDelayMs(MAX_ATTEMPTS - 1, undefined, most)).toBe(6 * 3_600_000);
  });

  it('ends after the last attempt, about a day and a half after the first', () => {
    expect(redeliveryDelayMs(MAX_ATTEMPTS, undefined, most)).toBeUndefined();
    const delays = Array.from({ length: MAX_ATTEMPTS - 1 }, (_, i) => redeliveryDelayMs(i + 1, undefined, most) ?? 0);
    const hours = delays.reduce((sum, delay) => sum + delay, 0) / 3_600_000;
    expect(hours).toBeGreaterThan(24);
    expect(hours).toBeLessThan(48);
  });

  it('is as long as the receiver wishes, up to six hours', () => {
    expect(redeliveryDelayMs(1, 3_600_000, least)).toBe(3_600_000);
    expect(redeliveryDelayMs(1, 1, least)).toBe(15_000);
    expect(redeliveryDelayMs(1, 999_999_000, least)).toBe(6 * 3_600_000);
  });
});
