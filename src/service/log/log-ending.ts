import { ensure } from '../../core/errors.ts';
import type { LogContext } from './log-context.ts';

/** Shows whether the log has ended. Another process may end it, so the store is read again at intervals. */
export class LogEnding {
  readonly #context: Pick<LogContext, 'store' | 'limits'>;
  #hasEnded = false;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(context: Pick<LogContext, 'store' | 'limits'>) {
    this.#context = context;
  }

  /** Returns true if the last entry of the log is committed. Throws `storage-failed`. */
  async hasEnded(): Promise<boolean> {
    const { store, limits } = this.#context;
    if (this.#hasEnded || performance.now() - this.#lookedMs < limits.pollMs) return this.#hasEnded;
    this.#lookedMs = performance.now();
    this.#hasEnded = (await store.readLogEnd()) !== undefined;
    return this.#hasEnded;
  }

  /** Throws `log-ended` if the log has ended. */
  async assertGoesOn(): Promise<void> {
    ensure(!(await this.hasEnded()), 'log-ended', 'this log has ended: /log/end names its successor, if it has one');
  }
}
