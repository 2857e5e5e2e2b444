import type { LogStore, WriterLock } from '../../store/ports.ts';

/** The interval of renewals while a step is under way, ms; well below the store's lease. */
const RENEWAL_MS = 1_500;
/** The longest patience with a step that hangs, ms: a database that needs longer is out of order. */
const MAX_PATIENCE_MS = 120_000;

/** Returns the patience with the step after one that hung, ms. */
export function longerPatience(patienceMs: number): number {
  return Math.min(2 * patienceMs, MAX_PATIENCE_MS);
}

/**
 * The right to write a log, which runs out without progress. The database ends it for a holder that is stopped or out
 * of reach, since such a holder renews nothing. A holder that hangs gives it up by itself: a timer renews the lease
 * only for a bounded time after the last {@link confirm}.
 */
export class WriterLease {
  readonly #lock: WriterLock;
  readonly #patienceMs: () => number;
  readonly #timer: NodeJS.Timeout;
  /** When the holder last showed progress, ms by the monotonic clock. */
  #progressMs = performance.now();
  #hasHung = false;

  private constructor(lock: WriterLock, patienceMs: () => number) {
    this.#lock = lock;
    this.#patienceMs = patienceMs;
    this.#timer = setInterval(() => this.#keep(), RENEWAL_MS).unref();
    void lock.lost.then(() => clearInterval(this.#timer));
  }

  /**
   * Takes the lock of a log; returns undefined if another process has it. The lease is given up after `patienceMs`
   * without a {@link confirm}.
   */
  static async take(store: LogStore, patienceMs: () => number): Promise<WriterLease | undefined> {
    const lock = await store.tryWriterLock();
    return lock === undefined ? undefined : new WriterLease(lock, patienceMs);
  }

  /** The lock, which an append names: it fails once the lock is lost. */
  get lock(): WriterLock {
    return this.#lock;
  }

  /** Resolves when the lease is over, for whatever reason. */
  get lost(): Promise<void> {
    return this.#lock.lost;
  }

  /** True if the lease was given up because its holder hung. */
  get hasHung(): boolean {
    return this.#hasHung;
  }

  /** Shows progress and renews the lease. Throws `head-moved` if it is over: its holder must not sign anything. */
  async confirm(): Promise<void> {
    await this.#lock.renew();
    this.#progressMs = performance.now();
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#lock.release();
  }

  #keep(): void {
    this.#hasHung = performance.now() - this.#progressMs > this.#patienceMs();
    const work = this.#hasHung ? this.release() : this.#lock.renew();
    work.catch(() => undefined);
  }
}
