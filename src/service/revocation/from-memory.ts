import { withDeadline } from '../../core/net/with-deadline.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';

/** The time for which an answer waits for the database while there is one in memory, ms. */
const PATIENCE_MS = 1_000;

const late = (): Error => new GlasskeyError('storage-failed', 'the database does not answer');

/** The memory of something signed, for when the database is away. */
interface Memory<T> {
  /** Returns what was signed before, if it is still valid. */
  readonly remembered: () => T | undefined;
  /** Called when the database is away and what is remembered is used: it need not be asked again at once. */
  readonly onAway?: () => void;
}

/**
 * Returns what the database gives. If it is away (`storage-failed`, `overloaded`) or slow, returns what is
 * remembered. Otherwise rejects like `asked`.
 */
export async function fromMemoryIfAway<T>(asked: Promise<T>, { remembered, onAway }: Memory<T>): Promise<T> {
  if (remembered() === undefined) return asked;
  try {
    return await withDeadline({ timeoutMs: PATIENCE_MS }, late, () => asked);
  } catch (error) {
    const isAway = isGlasskeyError(error, 'storage-failed') || isGlasskeyError(error, 'overloaded');
    // It may have been dropped, or have ended, meanwhile.
    const known = isAway ? remembered() : undefined;
    if (known === undefined) throw error;
    onAway?.();
    return known;
  }
}
