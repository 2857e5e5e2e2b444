import { isGlasskeyError } from '../core/errors.ts';
import type { Logger } from './service-logger.ts';

/** A failure that may last: `what` fails in the way `how`, each counted apart. */
export interface Trouble {
  readonly what: string;
  readonly how: string;
  readonly level: 'warn' | 'error';
  readonly facts: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Names the way in which something fails. */
export function wayOf(error: unknown): string {
  return isGlasskeyError(error) ? error.code : 'internal';
}

/** Log lines of outages: one when each begins, one for each further way of failing, and one when it ends. */
export class Outages {
  readonly #logger: Logger;
  /** Failures by way, of each thing that is out of order. Things and ways are few. */
  readonly #outages = new Map<string, Map<string, number>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Takes a failure. */
  failed({ what, how, level, facts, text }: Trouble): void {
    const ways = this.#outages.get(what) ?? new Map<string, number>();
    this.#outages.set(what, ways);
    const failures = ways.get(how) ?? 0;
    ways.set(how, failures + 1);
    if (failures === 0) this.#logger[level](facts, text);
  }

  /** Takes the news that a thing works. */
  works(what: string): void {
    const ways = this.#outages.get(what);
    if (ways === undefined) return;
    this.#outages.delete(what);
    const failures = [...ways.values()].reduce((sum, count) => sum + count, 0);
    this.#logger.info({ what, failures }, 'works again');
  }
}
