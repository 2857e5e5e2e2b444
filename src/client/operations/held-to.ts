import { GlasskeyError } from '../../core/errors.ts';
import { ServerRefusal } from '../transport.ts';
import type { Operation } from './operation.ts';

/**
 * Returns the answer to a request that only repeats what the server has shown to this client. An append-only log can
 * always answer it. A server that calls the request invalid or denies the version has forgotten or hides what it
 * showed: that throws `version-rolled-back`, not the refusal. So does `version-expired` in a log whose versions never
 * expire. Any other error (too busy, too far behind, erased) passes through; `assertMayHaveExpired` judges
 * `version-expired` in a log with a maximum lifetime.
 */
export async function heldToWhatWasShown<T>({ trust }: Operation, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ServerRefusal)) throw error;
    const neverExpires = trust.config.maximumLifetimeMs === undefined;
    const denials: readonly string[] = [
      'invalid-request',
      'search-not-found',
      ...(neverExpires ? ['version-expired'] : []),
    ];
    if (!denials.includes(error.code)) throw error;
    const message = `the server no longer shows what it has shown before: ${error.message}`;
    throw new GlasskeyError('version-rolled-back', message, { cause: error });
  }
}
