/** One value of a {@link RecentCache}: a link of the queue in which values grow old. */
interface Entry<V> {
  readonly key: string;
  readonly value: V;
  readonly weight: number;
  /** Whether it was used since the hand last passed. */
  used: boolean;
  /** Towards the newest. */
  newer: Entry<V> | undefined;
  /** Towards the oldest. */
  older: Entry<V> | undefined;
}

/**
 * A map that forgets what is old and was not used lately, once its values weigh more than its capacity. It forgets by SIEVE:
 * a hand goes from old to new, again and again, and takes what was not used since it passed. So a use only marks a
 * value: nothing is moved, which costs more than all else in a large map.
 */
export class RecentCache<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #capacity: number;
  readonly #weigh: (value: V) => number;
  #weight = 0;
  #newest: Entry<V> | undefined;
  #oldest: Entry<V> | undefined;
  #hand: Entry<V> | undefined;

  /** `capacity` is in the unit of `weigh`; without it, every value weighs 1. */
  constructor(capacity: number, weigh: (value: V) => number = () => 1) {
    this.#capacity = capacity;
    this.#weigh = weigh;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Sum of the weights of what is kept. */
  get weight(): number {
    return this.#weight;
  }

  /** The value of `key`, which then counts as used. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.used = true;
    return entry.value;
  }

  /** Keeps `value`, and forgets others if need be. What is heavier than the capacity is not kept. */
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
