import { createHash } from 'node:crypto';

/** From this part of its validity on a certificate is renewed: earlier, the server answers with the same one. */
const DUE_PART = 2 / 3;
/** Renewals are spread over this part of the validity after that. */
const SPREAD_PART = 1 / 12;
const FIRST_RETRY_MS = 60_000;
const LAST_RETRY_MS = 3_600_000;

/** What the schedule needs of a certificate. */
export interface Renewable {
  /** Lower-case hex. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * When to renew a certificate: after two thirds of its validity, and later by a part that follows from its serial, so that devices that
 * were made together do not come back together, and a restart changes nothing. ms since the epoch.
 */
export function renewalDueMs({ serial, notBeforeMs, notAfterMs }: Renewable): number {
  const validityMs = notAfterMs - notBeforeMs;
  const place = createHash('sha256').update(serial).digest().readUInt32BE(0) / 2 ** 32;
  return Math.ceil(notBeforeMs + validityMs * (DUE_PART + SPREAD_PART * place));
}

/**
 * How long to wait after so many failures in a row (1 and more), ms: a minute, doubled each time up to an hour, of which a random half
 * is taken away. `random` is at least 0 and below 1.
 */
export function retryDelayMs(failures: number, random: number): number {
  const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(longest * (1 - random / 2));
}
