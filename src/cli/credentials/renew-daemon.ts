import { type Renewable, renewalDueMs, retryDelayMs } from './renewal-schedule.ts';

/** The longest sleep, ms; after it, a changed clock or a laptop that slept is noticed. */
const LONGEST_SLEEP_MS = 3_600_000;

/** The dependencies of {@link renewInTime}. */
export interface RenewalWork {
  /** Reads the certificate from disk. */
  readonly read: () => Promise<Renewable>;
  /** Renews the certificate, and writes the new one to disk. */
  readonly renew: () => Promise<unknown>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Returns a random number in [0, 1). */
  readonly random: () => number;
  /** Sleeps; resolves to false if it is time to stop. */
  readonly sleep: (milliseconds: number) => Promise<boolean>;
  /** Receives the result of every attempt: its error, or undefined for a success. */
  readonly report: (error: unknown) => void;
}

/**
 * Keeps a certificate valid until `sleep` says to stop. It has no state: the next renewal follows from the certificate
 * on disk, so the process can be killed and started again at any time. Throws what `read` throws.
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
      // A new certificate that is due at once (its issuer's validity cuts it short) must not be renewed in a tight
      // loop.
      failures = renewalDueMs(await read()) > now() ? 0 : failures + 1;
    } catch (error) {
      failures++;
      report(error);
    }
    if (failures > 0 && !(await sleep(retryDelayMs(failures, random())))) return;
  }
}
