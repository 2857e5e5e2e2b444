import type { HeadRow, LogStore } from '../../store/ports.ts';
import type { ServiceLimits } from '../service-limits.ts';
import type { LogProgress } from './log-progress.ts';
import { WaitingTime } from './waiting-time.ts';

/** Number of looks within the time for which a log may stand still. */
const LOOKS = 10;
const LEAST_PAUSE_MS = 20;

/** For how long this process has seen the log stand still, ms; 0 while it moves, or while nothing waits. */
export interface Standstill {
  /** The oldest submission waits in the queue. */
  readonly queueMs: number;
  /** Entries are committed and not released. */
  readonly releaseMs: number;
  /** Every turn of the sequencer of this process has failed. */
  readonly troubleMs: number;
}

/**
 * Measures for how long a log stands still, whoever its writer is. It looks at intervals, so that a standstill does not
 * begin with the first request that asks for it. Only reads.
 */
export class StandstillWatch {
  readonly #store: LogStore;
  readonly #progress: LogProgress;
  readonly #pauseMs: number;
  /** Returns why the sequencer of this process fails. */
  readonly #trouble: () => unknown;
  readonly #queue = new WaitingTime<number>();
  readonly #release = new WaitingTime<number>();
  readonly #failing = new WaitingTime<'trouble'>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(store: LogStore, progress: LogProgress, limits: ServiceLimits, trouble: () => unknown) {
    this.#store = store;
    this.#progress = progress;
    this.#pauseMs = Math.max(limits.standstillMs / LOOKS, LEAST_PAUSE_MS);
    this.#trouble = trouble;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#lookAgain(), this.#pauseMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Compares what waits now with what waited before. Throws storage errors. */
  async look(head: HeadRow): Promise<Standstill> {
    const [oldest, released] = await Promise.all([this.#store.oldestQueued(), this.#store.readReleased()]);
    const releasedSize = released?.size ?? 0;
    // A notification can get lost.
    const isNews = releasedSize > 0 && !this.#progress.knows(releasedSize);
    if (isNews || this.#progress.findLoss(releasedSize) !== undefined) await this.#progress.refresh();
    return {
      queueMs: this.#queue.look(oldest),
      releaseMs: this.#release.look(releasedSize < head.size ? releasedSize : undefined),
      troubleMs: this.#failing.look(this.#trouble() === undefined ? undefined : 'trouble'),
    };
  }

  async #lookAgain(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.look(await this.#store.readHead());
    } catch {
      // Readiness asks the database itself.
    } finally {
      this.#isLooking = false;
    }
  }
}
