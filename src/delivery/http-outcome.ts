import type { DeliveryResult } from './delivery-result.ts';
import type { EgressAnswer } from './safe-egress.ts';

/** Statuses that a receiver may give today and not tomorrow. */
const PASSING: readonly number[] = [404, 408, 409, 425, 429];

/**
 * Judges the answer of a webhook or push service. `goneStatuses` say that the address will never exist again. A
 * redirect is refused: it would lead where nobody has looked.
 */
export function httpOutcome({ status, retryAfterMs }: EgressAnswer, goneStatuses: readonly number[]): DeliveryResult {
  if (status >= 200 && status <= 299) return { outcome: 'sent' };
  const reason = `status ${status}`;
  if (goneStatuses.includes(status)) return { outcome: 'gone', reason };
  if (status < 500 && !PASSING.includes(status)) return { outcome: 'refused', reason };
  return { outcome: 'retry', reason, ...(retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }) };
}
