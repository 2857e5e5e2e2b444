import type { Context } from 'hono';
import type { Reading } from '../service/reading.ts';
import type { RateLimits } from './rate-limits.ts';

/** Has clients take turns at what anybody may read. */
export class ReadTurns {
  readonly #reading: Reading;
  readonly #limits: RateLimits;

  constructor(reading: Reading, limits: RateLimits) {
    this.#reading = reading;
    this.#limits = limits;
  }

  /**
   * Does the work of a request as soon as it is its client's turn. Throws `overloaded`, and `invalid-request` for a
   * client that has gone.
   */
  run<T>(kind: keyof Reading, c: Context, work: () => Promise<T>): Promise<T> {
    return this.#reading[kind].run(work, { signal: c.req.raw.signal, key: this.#limits.clientOf(c) });
  }
}
