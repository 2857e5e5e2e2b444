import type { Context } from 'hono';
import { setTimeout } from 'node:timers/promises';
import { GlasskeyError } from '../core/errors.ts';
import { assertWanted, goneError } from '../core/still-wanted.ts';
import type { ServiceLimits } from '../service/service-limits.ts';
import { sharedBudget, TokenBuckets } from '../service/token-buckets.ts';
import type { RateLimits } from './rate-limits.ts';
import type { ReadTurns } from './read-turns.ts';

/** A token, in bytes of AuditorUpdates. */
const BYTES_PER_TOKEN = 1024;
/** Tokens for each read, however short. */
const TOKENS_PER_READ = 1;

/** The bounds of {@link UpdatePace}. */
export type PaceLimits = Pick<
  ServiceLimits,
  'updateKilobytesPerSecond' | 'updateBurstKilobytes' | 'maxReadsWaiting' | 'maxWaitingOfOne' | 'patienceMs'
>;

/**
 * Paces the reading of AuditorUpdates, each of which is derived from two prefix trees. A client that read more than its
 * share waits for its next turn: an audit that is too fast becomes slower, and does not fail.
 */
export class UpdatePace {
  readonly #limits: PaceLimits;
  readonly #clients: RateLimits;
  readonly #turns: ReadTurns;
  readonly #buckets: TokenBuckets;
  /** Requests that wait for their client's bucket, by client, and all of them. */
  readonly #paused = new Map<string, number>();
  #allPaused = 0;

  /** `now` in ms. */
  constructor(limits: PaceLimits, clients: RateLimits, turns: ReadTurns, now: () => number) {
    const { updateKilobytesPerSecond: perSecond, updateBurstKilobytes: burst } = limits;
    this.#limits = limits;
    this.#clients = clients;
    this.#turns = turns;
    this.#buckets = new TokenBuckets({ perSecond, burst }, now, sharedBudget(clients.exchange, 'updates'));
  }

  /**
   * Does the work of a request as soon as it is its client's turn and its bucket is not empty. The work charges what it
   * reads, in bytes. Throws `overloaded`, `invalid-request` for a client that has gone, and `rate-limited` for one that
   * would wait too long, or too often at once.
   */
  async run<T>(c: Context, work: (charge: (bytes: number) => void) => Promise<T>): Promise<T> {
    const key = this.#clients.clientOf(c);
    const charge = (bytes: number): void =>
      this.#buckets.spend(key, TOKENS_PER_READ + Math.floor(bytes / BYTES_PER_TOKEN));
    let waitedMs = 0;
    for (;;) {
      // Those who waited together look again when it is their turn: the first of them may have spent it all.
      const done = await this.#turns.run('files', c, async () => {
        return this.#buckets.waitMs(key) > 0 ? undefined : { result: await work(charge) };
      });
      if (done !== undefined) return done.result;
      waitedMs += await this.#pause(key, waitedMs, c.req.raw.signal);
    }
  }

  /** Waits for the client's bucket; returns for how long, in ms. */
  async #pause(key: string, waitedMs: number, signal: AbortSignal): Promise<number> {
    const { patienceMs, maxReadsWaiting, maxWaitingOfOne } = this.#limits;
    const waitMs = Math.max(Math.ceil(this.#buckets.waitMs(key)), 1);
    const own = this.#paused.get(key) ?? 0;
    if (waitedMs + waitMs > patienceMs || own >= maxWaitingOfOne || this.#allPaused >= maxReadsWaiting) {
      const retryAfterSeconds = Math.ceil(waitMs / 1000);
      throw new GlasskeyError('rate-limited', 'too many updates were read: try again later', { retryAfterSeconds });
    }
    assertWanted(signal);
    this.#count(key, 1);
    try {
      await setTimeout(waitMs, undefined, { signal });
      return waitMs;
    } catch {
      throw goneError();
    } finally {
      this.#count(key, -1);
    }
  }

  #count(key: string, change: 1 | -1): void {
    this.#allPaused += change;
    const own = (this.#paused.get(key) ?? 0) + change;
    if (own > 0) this.#paused.set(key, own);
    else this.#paused.delete(key);
  }
}
