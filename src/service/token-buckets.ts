/** The size and the rate of a token bucket. */
export interface TokenBucketOptions {
  /** Tokens added per second. */
  readonly perSecond: number;
  /** Tokens that a full bucket holds. */
  readonly burst: number;
}

/** Most buckets in memory. Beyond that, the least recently used one is dropped. */
const MAX_KEYS = 10_000;

/** Token buckets, one for each key, such as an address or an identity. They are this process's own. */
export class TokenBuckets {
  readonly #options: TokenBucketOptions;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();

  /** `now` in ms. */
  constructor(options: TokenBucketOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Takes a token from a key's bucket. Returns false if it is empty. */
  take(key: string): boolean {
    const tokens = this.#tokens(key);
    const isLeft = tokens >= 1;
    this.#put(key, isLeft ? tokens - 1 : tokens);
    return isLeft;
  }

  /** Takes tokens for work that is done already, even more than the bucket holds: it is in debt then. */
  spend(key: string, tokens: number): void {
    this.#put(key, this.#tokens(key) - tokens);
  }

  /** Returns a token to the bucket, for a request that failed through no fault of its client. */
  giveBack(key: string): void {
    this.#put(key, Math.min(this.#options.burst, this.#tokens(key) + 1));
  }

  /** Returns the whole seconds until the bucket holds a token; 0 if it does now. */
  waitSeconds(key: string): number {
    const missing = Math.max(1 - this.#tokens(key), 0);
    return Math.ceil(missing / this.#options.perSecond);
  }

  #tokens(key: string): number {
    const { perSecond, burst } = this.#options;
    const known = this.#buckets.get(key);
    if (known === undefined) return burst;
    // A clock that goes back adds nothing.
    return Math.min(burst, known.tokens + (Math.max(this.#now() - known.atMs, 0) * perSecond) / 1000);
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
