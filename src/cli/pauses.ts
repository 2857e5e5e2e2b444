import { setTimeout as sleep } from 'node:timers/promises';
import { timerMs } from '../core/net/with-deadline.ts';
import { EXIT } from './exit-code.ts';
import { stopSignal } from './stop-signal.ts';

/** Time that a round has to end once a signal came, ms: less than what runtimes of containers wait before they kill. */
const LAST_ROUND_MS = 5_000;

/**
 * The pauses between the rounds of a command that goes on by itself. SIGINT or SIGTERM ends the pause; a round that
 * does not end soon ends with the process, and leaves what a crash would.
 */
export class Pauses {
  #isOver = false;
  readonly #stopped: Promise<void>;

  constructor() {
    this.#stopped = stopSignal().then(() => {
      this.#isOver = true;
      setTimeout(() => process.exit(EXIT.fine), LAST_ROUND_MS).unref();
    });
  }

  /** Waits; returns false once a signal has come. */
  async wait(milliseconds: number): Promise<boolean> {
    const left = new AbortController();
    const pause = sleep(timerMs(milliseconds), undefined, { signal: left.signal }).catch(() => undefined);
    await Promise.race([pause, this.#stopped]);
    left.abort();
    return !this.#isOver;
  }
}
