import { describe, expect, it } from 'vitest';
import { renewInTime } from '../../../src/cli/credentials/renew-daemon.ts';
import { type Renewable, renewalDueMs, retryDelayMs } from '../../../src/cli/credentials/renewal-schedule.ts';

const DAY_MS = 86_400_000;
const certificate = (serial: string, notBeforeMs = 0): Renewable => {
  return { serial, notBeforeMs, notAfterMs: notBeforeMs + 90 * DAY_MS };
};

describe('a renewal', () => {
  it('is due after two thirds, spread over a twelfth, and always at the same time', () => {
    const due = Array.from({ length: 500 }, (_, i) => renewalDueMs(certificate(String(i))) / DAY_MS);
    expect(Math.min(...due)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...due)).toBeLessThan(67.5);
    expect(Math.max(...due) - Math.min(...due)).toBeGreaterThan(6);
    expect(renewalDueMs(certificate('7'))).toBe(renewalDueMs(certificate('7')));
  });

  it('is tried again after a minute, then less and less often, and never at one time by all', () => {
    expect([1, 2, 3, 7, 8, 1_000].map((failures) => retryDelayMs(failures, 0) / 60_000)).toEqual([1, 2, 4, 60, 60, 60]);
    expect(retryDelayMs(1, 0.999_999)).toBe(30_000);
  });
});

/** A world with a clock of its own, in which the daemon runs for `days`. */
async function live(days: number, renew: (nowMs: number, attempt: number) => Renewable) {
  let nowMs = 0;
  let held = certificate('0');
  const attempts: number[] = [];
  const errors: unknown[] = [];
  await renewInTime({
    read: async () => Promise.resolve(held),
    renew: async () => {
      attempts.push(nowMs);
      held = await Promise.resolve(renew(nowMs, attempts.length));
    },
    now: () => nowMs,
    random: () => 0,
    sleep: async (milliseconds) => {
      expect(milliseconds).toBeGreaterThan(0);
      expect(milliseconds).toBeLessThanOrEqual(3_600_000);
      nowMs += milliseconds;
      return Promise.resolve(nowMs < days * DAY_MS);
    },
    report: (error) => errors.push(error),
  });
  return { attempts, errors, held, nowMs };
}

describe('the daemon', () => {
  it('never lets a certificate expire, and asks once for each', async () => {
    const { attempts, held, nowMs } = await live(1_000, (at, attempt) => certificate(String(attempt), at));
    expect(held.notAfterMs).toBeGreaterThan(nowMs);
    expect(attempts.length).toBeGreaterThanOrEqual(14);
    expect(attempts.length).toBeLessThanOrEqual(16);
  });

  it('goes on through an outage, with time between its attempts', async () => {
    const { attempts, errors, held, nowMs } = await live(80, (at, attempt) => {
      if (attempt < 20) throw new Error('down');
      return certificate('new', at);
    });
    expect(held.notAfterMs).toBeGreaterThan(nowMs);
    expect(errors.filter((error) => error !== undefined)).toHaveLength(19);
    expect(attempts).toHaveLength(20);
    expect((attempts[19] ?? 0) - (attempts[0] ?? 0)).toBeGreaterThan(10 * 3_600_000);
  });

  it('does not ask in a loop for a certificate that is due as soon as it is made', async () => {
    const { attempts } = await live(61 + 7, () => certificate('0'));
    expect(attempts.length).toBeLessThan(24 * 8 + 10);
  });
});
