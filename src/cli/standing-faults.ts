import { isGlasskeyError } from '../core/errors.ts';
import { reportFailure } from './exit-code.ts';

/** Rounds of `--watch` in a row that may end with a fault that waiting alone does not mend. */
export const MAX_STANDING_ROUNDS = 5;

/**
 * Counts the rounds of `--watch` that ended with a damaged copy or a failing disk. Nobody reads a message that repeats
 * for ever, and a log that passes for a damaged copy would never be looked into.
 */
export class StandingFaults {
  #rounds = 0;

  /** Notes a round that succeeded. */
  succeeded(): void {
    this.#rounds = 0;
  }

  /** Reports the failure of a round that may pass; throws it if it has stood for {@link MAX_STANDING_ROUNDS}. */
  failed(error: unknown): void {
    const isStanding = isGlasskeyError(error) && (error.code === 'copy-damaged' || error.fault === 'storage');
    this.#rounds = isStanding ? this.#rounds + 1 : 0;
    if (this.#rounds >= MAX_STANDING_ROUNDS) throw error;
    reportFailure(error);
  }
}
