import { type DeliveryResult, NOT_TRIED } from '../../delivery/delivery-result.ts';
import { MAX_ATTEMPTS, redeliveryDelayMs } from '../../delivery/retry-schedule.ts';
import type { BookAddress } from './notify-book.ts';
import { MAX_NOTICES, WINDOW_MS } from './notify-settings.ts';

/** The things that an address knows after a notice. */
export type Told = Partial<Pick<BookAddress, 'toldVersion' | 'toldChange'>>;

/** Attempts at the last notice of an erased name. */
const ERASURE_ATTEMPTS = 3;
const ERASURE_PAUSE_MS = 60_000;
/** The reason of a notice that waits because the address had as many as one may have. */
const LIMIT = 'limit';

/** Returns the wait of an address that had as many notices as one may have; undefined if it may have another. */
export function isOverLimit({ sentMs }: BookAddress, nowMs: number): DeliveryResult | undefined {
  const recent = within(sentMs, nowMs);
  if (recent.length < MAX_NOTICES) return undefined;
  return { outcome: 'retry', afterMs: Math.min(...recent) + WINDOW_MS - nowMs, reason: LIMIT };
}

/**
 * Returns an address after an attempt. A notice that was delivered, or never can be, is done; otherwise the next
 * attempt waits longer each time, until the last one. The owner sees the reason of a failure in the list.
 */
export function afterAttempt(
  address: BookAddress,
  result: DeliveryResult,
  told: Told,
  { nowMs, random }: { readonly nowMs: number; readonly random: (length: number) => Uint8Array },
): BookAddress {
  const { lastFailure: _, ...plain } = address;
  const done = { ...told, failures: 0, nextMs: 0 };
  if (result.outcome === 'sent') {
    return { ...plain, ...done, lastToldMs: nowMs, sentMs: [...within(address.sentMs, nowMs), nowMs] };
  }
  if (result.outcome !== 'retry') return { ...plain, ...done, lastFailure: result.reason };
  const waitMs = untriedMs(result);
  if (waitMs !== undefined) return { ...address, nextMs: nowMs + waitMs };
  const failures = address.failures + 1;
  const delayMs = redeliveryDelayMs(failures, result.afterMs, () => fraction(random));
  if (delayMs === undefined) return { ...plain, ...done, lastFailure: `given up: ${result.reason}` };
  return { ...plain, failures, nextMs: nowMs + delayMs, lastFailure: result.reason };
}

/**
 * Returns an address as it is noted before an attempt: if the process dies, or cannot note the result, the attempt
 * counts as one that failed, and is not repeated at once.
 */
export function beforeAttempt(
  address: BookAddress,
  { nowMs, random }: { readonly nowMs: number; readonly random: (length: number) => Uint8Array },
): BookAddress {
  const failures = Math.min(address.failures + 1, MAX_ATTEMPTS - 1);
  const delayMs = redeliveryDelayMs(failures, undefined, () => fraction(random)) ?? ERASURE_PAUSE_MS;
  return { ...address, failures, nextMs: nowMs + delayMs };
}

/** The version that an address was told of when nothing can follow: the name was erased. */
export const ALL_TOLD = Number.MAX_SAFE_INTEGER;

/** Returns an address after an attempt at the last notice of an erased name: {@link ALL_TOLD} once no other follows. */
export function afterErasure(address: BookAddress, result: DeliveryResult, nowMs: number): BookAddress {
  const waitMs = untriedMs(result);
  if (waitMs !== undefined) return { ...address, nextMs: nowMs + waitMs };
  const { outcome } = result;
  const failures = address.failures + 1;
  if (outcome !== 'retry' || failures >= ERASURE_ATTEMPTS)
    return { ...address, toldVersion: ALL_TOLD, failures: 0, nextMs: 0 };
  return { ...address, failures, nextMs: nowMs + ERASURE_PAUSE_MS };
}

/** Returns the wait that an attempt was not made for, ms; undefined if it was made. */
function untriedMs(result: DeliveryResult): number | undefined {
  if (result.outcome !== 'retry' || ![...NOT_TRIED, LIMIT].includes(result.reason)) return undefined;
  return result.afterMs ?? 1_000;
}

function within(times: readonly number[], nowMs: number): number[] {
  return times.filter((time) => Math.abs(nowMs - time) < WINDOW_MS);
}

/** Returns a random number of 0 to 1, without 1. */
function fraction(random: (length: number) => Uint8Array): number {
  return Buffer.from(random(4)).readUInt32BE() / 2 ** 32;
}
