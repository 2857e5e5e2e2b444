import { type Renewable, renewalDueMs, retryDelayMs } from './renewal-schedule.ts';

/** The longest sleep: a clock that is set, or a laptop that slept, is noticed after that. */
const LONGEST_SLEEP_MS = 3_600_000;

/** What {@link renewInTime} works with. */
export interface RenewalWork {
  /** The certificate as it is on disk now. */
  readonly read: () => Promise<Renewable>;
  /** Renews it, and puts the new one on disk. */
  readonly renew: () => Promise<unknown>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** At least 0, below 1. */
  readonly random: () => number;
  /** Sleeps; resolves to false once it is time to stop. */
  readonly sleep: (milliseconds: number) => Promise<boolean>;
  /** Told of every attempt; `error` is undefined where it went well. */
  readonly report: (error: unknown) => void;
}

/**
 * Keeps a certificate valid until it is told to stop. It remembers nothing: what is due follows from the certificate on disk, so it can
 * be killed and started again at any time. Throws what `read` throws.
 */
export async function renewInTime({ read, renew, now, random, sleep, report }: RenewalWork): Promise<void> {
  let failures = 0;
  for (;;) {
    const waitMs = renewalDueMs(await read()) - now();
    if (waitMs > 0) {
      failures = 0;
      if (await sleep(Math.min(waitMs, LONGEST_SLEEP_MS))) continue;
      return;
    }
    try {
      await renew();
      report(undefined);
      // A certificate that is due at once (its validity is cut by the issuer's) must not be asked for in a loop.
      failures = renewalDueMs(await read()) > now() ? 0 : failures + 1;
    } catch (error) {
      failures++;
      report(error);
    }
    if (failures > 0 && !(await sleep(retryDelayMs(failures, random())))) return;
  }
}
