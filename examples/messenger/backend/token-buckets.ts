/** Options of {@link TokenBuckets}. */
export interface TokenBucketOptions {
  /** Requests that may come at once. */
  readonly burst: number;
  /** Requests that come back each minute. */
  readonly perMinute: number;
  /** Most buckets that are kept; the one that was used longest ago goes first. */
  readonly maxKeys?: number;
  /** Returns ms since the epoch. */
  readonly now?: () => number;
}

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** A token bucket for each key, such as an account or an address. */
export class TokenBuckets {
  readonly #options: Required<TokenBucketOptions>;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketOptions) {
    this.#options = { maxKeys: 10_000, now: Date.now, ...options };
  }

  /** Takes a token. Returns false if the bucket of the key is empty. */
  take(key: string): boolean {
    const { burst, perMinute, maxKeys, now } = this.#options;
    const nowMs = now();
    const { tokens, atMs } = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    const filled = Math.min(burst, tokens + (Math.max(0, nowMs - atMs) * perMinute) / 60_000);
    const isAllowed = filled >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: isAllowed ? filled - 1 : filled, atMs: nowMs });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > maxKeys && oldest !== undefined) this.#buckets.delete(oldest);
    return isAllowed;
  }
}
