/** One value of a {@link RecentCache}: a link of the queue, which runs from the oldest value to the newest. */
interface Entry<V> {
  readonly key: string;
  readonly value: V;
  readonly weight: number;
  /** True if the value was used since the hand last passed. */
  used: boolean;
  /** Towards the newest. */
  newer: Entry<V> | undefined;
  /** Towards the oldest. */
  older: Entry<V> | undefined;
}

/**
 * A bounded map that evicts by SIEVE once its values weigh more than its capacity. A hand moves from old to new, again
 * and again, and evicts values that were not used since it last passed. A use only marks a value: moving it, as LRU
 * does, would cost more than all else in a large map.
 */
export class RecentCache<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #capacity: number;
  readonly #weigh: (value: V) => number;
  #weight = 0;
  #newest: Entry<V> | undefined;
  #oldest: Entry<V> | undefined;
  #hand: Entry<V> | undefined;

  /** Creates a cache. `capacity` is in the unit of `weigh`; without `weigh`, every value weighs 1. */
  constructor(capacity: number, weigh: (value: V) => number = () => 1) {
    this.#capacity = capacity;
    this.#weigh = weigh;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The sum of the weights of all cached values. */
  get weight(): number {
    return this.#weight;
  }

  /** Returns the value of `key` and marks it as used. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.used = true;
    return entry.value;
  }

  /** Caches `value` and evicts others if needed. A value heavier than the capacity is not cached. */
  set(key: string, value: V): void {
    this.delete(key);
    const weight = this.#weigh(value);
    if (weight > this.#capacity) return;
    while (this.#weight + weight > this.#capacity) this.#forgetOne();
    const entry: Entry<V> = { key, value, weight, used: false, newer: undefined, older: this.#newest };
    if (this.#newest !== undefined) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
    this.#entries.set(key, entry);
    this.#weight += weight;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
    this.#newest = this.#oldest = this.#hand = undefined;
  }

  #forgetOne(): void {
    let entry = this.#hand ?? this.#oldest;
    while (entry?.used === true) {
      entry.used = false;
      entry = entry.newer ?? this.#oldest;
    }
    if (entry === undefined) return;
    this.#hand = entry;
    this.#remove(entry);
  }

  #remove(entry: Entry<V>): void {
    const { newer, older } = entry;
    this.#entries.delete(entry.key);
    this.#weight -= entry.weight;
    if (this.#hand === entry) this.#hand = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
  }
}
