import { formatHex } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { RequestBudget } from '../request-budget.ts';

/**
 * Step `limitIdentity`: counts a certificate of an identity. It comes after everything that a stranger could not pass, so that
 * nobody uses up what belongs to somebody else. Throws `rate-limited`. Gives what takes it back.
 */
export function limitIdentity(budget: RequestBudget | undefined, labelKey: Uint8Array): () => void {
  if (budget === undefined) return () => undefined;
  const key = formatHex(labelKey);
  if (budget.take(key)) return () => budget.giveBack(key);
  const retryAfterSeconds = Math.max(budget.waitSeconds(key), 1);
  throw new GlasskeyError('rate-limited', 'too many certificates for this identity', { retryAfterSeconds });
}
