import { createHash } from 'node:crypto';

/** The part of its validity after which a certificate is renewed; before that, the server returns the same one. */
const DUE_PART = 2 / 3;
/** The part of the validity over which renewals are then spread. */
const SPREAD_PART = 1 / 12;
const FIRST_RETRY_MS = 60_000;
const LAST_RETRY_MS = 3_600_000;

/** The facts of a certificate that the schedule needs. */
export interface Renewable {
  /** Lower-case hex. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * Returns when to renew a certificate, ms since the epoch: after two thirds of its validity, plus jitter from its
 * serial. So certificates that were issued together are not renewed together, and a restart changes nothing.
 */
export function renewalDueMs({ serial, notBeforeMs, notAfterMs }: Renewable): number {
  const validityMs = notAfterMs - notBeforeMs;
  const place = createHash('sha256').update(serial).digest().readUInt32BE(0) / 2 ** 32;
  return Math.ceil(notBeforeMs + validityMs * (DUE_PART + SPREAD_PART * place));
}

/**
 * Returns the exponential backoff after `failures` in a row (at least 1), ms: a minute, doubled each time up to an
 * hour, less a random part of up to a half. `random` is in [0, 1).
 */
export function retryDelayMs(failures: number, random: number): number {
  const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(longest * (1 - random / 2));
}
