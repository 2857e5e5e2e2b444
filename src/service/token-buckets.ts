import type { BudgetExchange } from './budget-exchange.ts';

/** The size and the rate of a token bucket. */
export interface TokenBucketOptions {
  /** Tokens added per second. */
  readonly perSecond: number;
  /** Tokens that a full bucket holds. */
  readonly burst: number;
}

/** Most buckets in memory. Beyond that, the least recently used one is dropped. */
const MAX_KEYS = 10_000;

/** The name of a budget that the processes of one server share. */
export interface SharedBudget {
  readonly name: string;
  readonly exchange: BudgetExchange;
}

/** Returns the budget of a name; undefined for a server of one process. */
export function sharedBudget(exchange: BudgetExchange | undefined, name: string): SharedBudget | undefined {
  return exchange && { name, exchange };
}

/** Token buckets, one for each key, such as an address or an identity. They are this process's own unless shared. */
export class TokenBuckets {
  readonly #options: TokenBucketOptions;
  readonly #now: () => number;
  readonly #shared: SharedBudget | undefined;
  readonly #buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();

  /** `now` in ms. */
  constructor(options: TokenBucketOptions, now: () => number, shared?: SharedBudget) {
    this.#options = options;
    this.#now = now;
    this.#shared = shared;
    shared?.exchange.join(shared.name, (key, tokens) => this.#take(key, tokens));
  }

  /** Takes a token from a key's bucket. Returns false if it is empty. */
  take(key: string): boolean {
    const tokens = this.#tokens(key);
    const isLeft = tokens >= 1;
    this.#put(key, isLeft ? tokens - 1 : tokens);
    if (isLeft) this.#tell(key, 1);
    return isLeft;
  }

  /** Takes tokens for work that is done already, even more than the bucket holds: it is in debt then. */
  spend(key: string, tokens: number): void {
    this.#take(key, tokens);
    this.#tell(key, tokens);
  }

  /** Returns a token to the bucket, for a request that failed through no fault of its client. */
  giveBack(key: string): void {
    this.#take(key, -1);
    this.#tell(key, -1);
  }

  /** Returns the whole seconds until the bucket holds a token; 0 if it does now. */
  waitSeconds(key: string): number {
    return Math.ceil(this.waitMs(key) / 1000);
  }

  /** Returns the time until the bucket holds a token, ms; 0 if it does now. */
  waitMs(key: string): number {
    const missing = Math.max(1 - this.#tokens(key), 0);
    return (missing * 1000) / this.#options.perSecond;
  }

  #take(key: string, tokens: number): void {
    this.#put(key, Math.min(this.#options.burst, this.#tokens(key) - tokens));
  }

  #tell(key: string, tokens: number): void {
    this.#shared?.exchange.spend(this.#shared.name, key, tokens);
  }

  #tokens(key: string): number {
    const { perSecond, burst } = this.#options;
    const known = this.#buckets.get(key);
    if (known === undefined) return burst;
    const nowMs = this.#now();
    // A clock that goes back adds nothing, and counts on from there: nobody waits until it was as late again.
    if (nowMs < known.atMs) this.#buckets.set(key, { tokens: known.tokens, atMs: nowMs });
    return Math.min(burst, known.tokens + (Math.max(nowMs - known.atMs, 0) * perSecond) / 1000);
  }

  /** Stores a bucket as the most recently used one. */
  #put(key: string, tokens: number): void {
    this.#buckets.delete(key);
    if (this.#buckets.size >= MAX_KEYS) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    this.#buckets.set(key, { tokens, atMs: this.#now() });
  }
}
