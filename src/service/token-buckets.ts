/** How many requests one client, or for one identity, may be made. */
export interface TokenBucketOptions {
  /** In the long run. */
  readonly perSecond: number;
  /** At once. */
  readonly burst: number;
}

/** Keys that are remembered; of more, the one that was not heard of for longest is forgotten. */
const MAX_KEYS = 10_000;

/** A bucket of tokens for each key: an address, a token's number, a name. Bounded in memory, and of this process only. */
export class TokenBuckets {
  readonly #options: TokenBucketOptions;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();

  /** `now` in ms. */
  constructor(options: TokenBucketOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Takes one request of a key; false: it has had its share. */
  take(key: string): boolean {
    const tokens = this.#tokens(key);
    const isLeft = tokens >= 1;
    this.#put(key, isLeft ? tokens - 1 : tokens);
    return isLeft;
  }

  /** Gives one request back that came to nothing by no fault of its client. */
  giveBack(key: string): void {
    this.#put(key, Math.min(this.#options.burst, this.#tokens(key) + 1));
  }

  /** Whole seconds until the key may make a request again; 0: now. */
  waitSeconds(key: string): number {
    const missing = Math.max(1 - this.#tokens(key), 0);
    return Math.ceil(missing / this.#options.perSecond);
  }

  #tokens(key: string): number {
    const { perSecond, burst } = this.#options;
    const known = this.#buckets.get(key);
    if (known === undefined) return burst;
    // A clock that goes back gives nothing.
    return Math.min(burst, known.tokens + (Math.max(this.#now() - known.atMs, 0) * perSecond) / 1000);
  }

  /** Puts the key last in the order in which keys are forgotten. */
  #put(key: string, tokens: number): void {
    this.#buckets.delete(key);
    if (this.#buckets.size >= MAX_KEYS) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    this.#buckets.set(key, { tokens, atMs: this.#now() });
  }
}
