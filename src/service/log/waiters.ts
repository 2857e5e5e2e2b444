import { GlasskeyError } from '../../core/errors.ts';

interface Waiter<V> {
  readonly resolve: (value: V) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Callers that wait for a value under a key, each with a deadline. */
export class Waiters<K, V> {
  readonly #waiting = new Map<K, Set<Waiter<V>>>();

  /** The keys that have waiters. */
  get keys(): readonly K[] {
    return [...this.#waiting.keys()];
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Resolves when `key` is settled. Rejects with `timed-out` after `timeoutMs`. */
  wait(key: K, timeoutMs: number): Promise<V> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#remove(key, waiter);
        reject(new GlasskeyError('timed-out', 'not in the released log yet; ask the same again'));
      }, timeoutMs);
      const waiter: Waiter<V> = { resolve, reject, timer };
      const others = this.#waiting.get(key);
      if (others === undefined) this.#waiting.set(key, new Set([waiter]));
      else others.add(waiter);
    });
  }

  /** Resolves all waiters of `key`. */
  settle(key: K, value: V): void {
    for (const { resolve, timer } of this.#take(key)) {
      clearTimeout(timer);
      resolve(value);
    }
  }

  /** Rejects all waiters. */
  failAll(error: Error): void {
    for (const key of this.keys) {
      for (const { reject, timer } of this.#take(key)) {
        clearTimeout(timer);
        reject(error);
      }
    }
  }

  #take(key: K): Iterable<Waiter<V>> {
    const waiters = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    return waiters;
  }

  #remove(key: K, waiter: Waiter<V>): void {
    const waiters = this.#waiting.get(key);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiting.delete(key);
  }
}
