import { GlasskeyError } from '../../core/errors.ts';
import { ServerRefusal } from '../transport.ts';
import type { Operation } from './operation.ts';

/**
 * The answer to a request that only repeats what this client was shown before. A log that is append-only can always answer it;
 * a server that calls it wrong, or says that there is no such thing, has forgotten what it showed, or hides it: that is
 * `version-rolled-back`, and not the refusal that it looks like. So is `version-expired` in a log whose versions never expire.
 * Everything else (too busy, too far behind, erased) is thrown as it is.
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
