import { ensure } from '../../core/errors.ts';
import { assertWanted, goneError } from '../../core/still-wanted.ts';

/** The bounds of a {@link Semaphore}. */
export interface SemaphoreBounds {
  /** Most pieces of work under way. */
  readonly atOnce: number;
  /** Most that wait for their turn. */
  readonly waiting: number;
}

/** Bounds the work under way, first come, first served. Work whose asker goes while it waits never begins. */
export class Semaphore {
  readonly #bounds: SemaphoreBounds;
  readonly #waiting = new Set<() => void>();
  #underWay = 0;

  constructor(bounds: SemaphoreBounds) {
    this.#bounds = bounds;
  }

  /** Pieces of work that have begun and not ended. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Pieces of work that wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs work as soon as there is room. Throws `overloaded` if too many wait already, and `invalid-request` if the
   * asker's signal is aborted before the work begins.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    assertWanted(signal);
    if (this.#underWay < this.#bounds.atOnce) this.#underWay++;
    else await this.#turn(signal);
    try {
      assertWanted(signal);
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** Waits for a place, which whoever leaves hands over. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    ensure(this.#waiting.size < this.#bounds.waiting, 'overloaded', 'too many requests are waiting');
    await new Promise<void>((resolve, reject) => {
      const gone = (): void => {
        this.#waiting.delete(begin);
        reject(goneError());
      };
      const begin = (): void => {
        signal?.removeEventListener('abort', gone);
        resolve();
      };
      this.#waiting.add(begin);
      signal?.addEventListener('abort', gone, { once: true });
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#underWay--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
