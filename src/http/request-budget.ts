/** How many requests one address may make. */
export interface BudgetOptions {
  /** In the long run. */
  readonly perSecond: number;
  /** At once. */
  readonly burst: number;
}

/** Addresses that are remembered; beyond that all are forgotten, which is no worse than a restart. */
const MAX_ADDRESSES = 10_000;

/** A bucket of tokens for each address. Bounded in memory. */
export class RequestBudget {
  readonly #options: BudgetOptions;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  /** `now` in ms. */
  constructor(options: BudgetOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Takes one request of an address; false: it has had its share. */
  take(address: string): boolean {
    const { perSecond, burst } = this.#options;
    const nowMs = this.#now();
    const known = this.#buckets.get(address);
    if (known === undefined && this.#buckets.size >= MAX_ADDRESSES) this.#buckets.clear();
    const bucket = known ?? { tokens: burst, atMs: nowMs };
    // A clock that goes back gives nothing.
    const earned = (Math.max(nowMs - bucket.atMs, 0) * perSecond) / 1000;
    bucket.tokens = Math.min(burst, bucket.tokens + earned);
    bucket.atMs = nowMs;
    this.#buckets.set(address, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
