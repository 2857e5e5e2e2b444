import type { Context } from 'hono';
import { LOOKUP_TOKEN_HEADER } from '../contract/media-types.ts';
import { LookupPolicy, PUBLIC_LOOKUPS } from '../service/prover/lookup-policy.ts';
import type { Asker } from '../service/prover/prover-parts.ts';
import { sharedBudget, TokenBuckets } from '../service/token-buckets.ts';
import { type RateLimits, type RateLimitSettings, take } from './rate-limits.ts';

/** An answer counts as a further question for each so many bytes. */
const BYTES_PER_QUESTION = 16 * 1024;

/** Whoever sent a request, with its budget. */
interface Asking extends Asker {
  /** Charges the work of an answer, by its length in bytes; what its question has paid for is free. */
  readonly charge: (bytes: number) => void;
  /** Returns the cost of a question that was not answered. */
  readonly giveBack: () => void;
}

/** Decides who may ask the log about a label, and how often, for every operation about a label. */
export class LookupAccess {
  readonly #limits: RateLimits;
  readonly #origin: string;
  readonly #now: () => number;
  #settings: RateLimitSettings | undefined;
  #policy: LookupPolicy;
  #budget: TokenBuckets | undefined;

  /** `origin` of the log; `now` in ms. Follows changes of the settings of `limits`. */
  constructor(limits: RateLimits, origin: string, now: () => number) {
    this.#limits = limits;
    this.#origin = origin;
    this.#now = now;
    this.#policy = new LookupPolicy(PUBLIC_LOOKUPS, origin, now);
  }

  /**
   * Returns the budget of a request, and the check of each label that it asks about, by the lookup token in its header,
   * if any. Counts an invalid token as a question of its client. Throws `unauthenticated`, `rate-limited`.
   */
  async asking(c: Context): Promise<Asking> {
    this.#refresh();
    const [policy, budget] = [this.#policy, this.#budget];
    const token = c.req.header(LOOKUP_TOKEN_HEADER);
    const address = `address ${this.#limits.clientOf(c)}`;
    const bearer =
      token === undefined
        ? undefined
        : await policy.bearerOf(token).catch((error: unknown) => {
            take(budget, address);
            throw error;
          });
    const key = bearer === undefined ? address : `bearer ${bearer}`;
    return {
      signal: c.req.raw.signal,
      key,
      assertMayAsk: (label) => {
        take(budget, key);
        policy.assertMayAsk(label, bearer);
      },
      assertMayAskOfLog: () => take(budget, key),
      charge: (bytes) => budget?.spend(key, Math.floor(bytes / BYTES_PER_QUESTION)),
      giveBack: () => budget?.giveBack(key),
    };
  }

  /** Returns true if only bearers of a lookup token may look up such a label (untrusted). */
  isPrivate(label: Uint8Array): boolean {
    this.#refresh();
    return this.#policy.isPrivate(label);
  }

  #refresh(): void {
    const { settings } = this.#limits;
    if (settings === this.#settings) return;
    this.#settings = settings;
    this.#policy = new LookupPolicy(settings.lookups ?? PUBLIC_LOOKUPS, this.#origin, this.#now);
    this.#budget =
      settings.perAsker && new TokenBuckets(settings.perAsker, this.#now, sharedBudget(this.#limits.exchange, 'asker'));
  }
}
