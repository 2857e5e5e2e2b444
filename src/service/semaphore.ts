import { ensure, GlasskeyError } from '../core/errors.ts';
import { timerMs } from '../core/net/with-deadline.ts';
import { assertWanted, goneError } from '../core/still-wanted.ts';

/** The bounds of a {@link Semaphore}. */
export interface SemaphoreBounds {
  /** Most pieces of work under way. */
  readonly atOnce: number;
  /** Most that wait for their turn. */
  readonly waiting: number;
  /** Most of one asker's that wait. Default: `waiting`. */
  readonly waitingOfOne?: number;
  /** Longest wait, ms. Default: none. */
  readonly patienceMs?: number;
}

/** The party that wants work done. */
export interface Wanting {
  /** Aborted as soon as the asker has gone. */
  readonly signal?: AbortSignal | undefined;
  /** Askers with different keys take turns. Default: all share one. */
  readonly key?: string | undefined;
}

/**
 * Bounds the work under way. Askers take turns (fair queueing), and the work of one is done in its order. Work whose
 * asker goes while it waits never begins.
 */
export class Semaphore {
  readonly #bounds: SemaphoreBounds;
  /** The waiting work, by asker. The next turn is that of the first asker. */
  readonly #queues = new Map<string, Set<() => void>>();
  #waiting = 0;
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
    return this.#waiting;
  }

  /**
   * Runs work as soon as there is room. Throws `overloaded` if too many wait already, or if there was no room in time,
   * and `invalid-request` if the asker's signal is aborted before the work begins.
   */
  async run<T>(work: () => Promise<T>, wanting: Wanting = {}): Promise<T> {
    assertWanted(wanting.signal);
    if (this.#underWay < this.#bounds.atOnce) this.#underWay++;
    else await this.#turn(wanting);
    try {
      assertWanted(wanting.signal);
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** Waits for a place, which whoever leaves hands over. */
  async #turn({ signal, key = '' }: Wanting): Promise<void> {
    const { waiting, waitingOfOne = waiting, patienceMs = Infinity } = this.#bounds;
    const queue = this.#queues.get(key) ?? new Set();
    const hasRoom = this.#waiting < waiting && queue.size < waitingOfOne;
    ensure(hasRoom, 'overloaded', 'too many requests are waiting');
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', gone);
      };
      const begin = (): void => {
        end();
        resolve();
      };
      const leave = (error: GlasskeyError): void => {
        end();
        this.#remove(key, begin);
        reject(error);
      };
      const gone = (): void => leave(goneError());
      const late = (): void => leave(new GlasskeyError('overloaded', 'the server had no room in time'));
      const timer = setTimeout(late, timerMs(patienceMs));
      signal?.addEventListener('abort', gone, { once: true });
      this.#queues.set(key, queue.add(begin));
      this.#waiting++;
    });
  }

  #remove(key: string, begin: () => void): void {
    const queue = this.#queues.get(key);
    if (queue?.delete(begin) !== true) return;
    this.#waiting--;
    if (queue.size === 0) this.#queues.delete(key);
  }

  #leave(): void {
    const [first] = this.#queues;
    if (first === undefined) {
      this.#underWay--;
      return;
    }
    const [key, queue] = first;
    const [next] = queue;
    if (next === undefined) return;
    this.#remove(key, next);
    // Behind the others, for its next turn.
    if (this.#queues.delete(key)) this.#queues.set(key, queue);
    next();
  }
}
