import type { Server, ServerResponse } from 'node:http';

/** Bounds on answers that clients have asked for and do not read. */
export interface UnsentBounds {
  /** Most bytes of all answers that wait to be sent. Beyond, the connection that has waited longest is dropped. */
  readonly maxBytes: number;
  /** A connection is dropped unless an answer has left after this time, ms, and a second for each `bytesPerSecond`. */
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/** 16 KiB a second is a bad mobile connection. */
export const UNSENT_BOUNDS: UnsentBounds = {
  maxBytes: 128 * 1024 * 1024,
  graceMs: 20_000,
  bytesPerSecond: 16 * 1024,
};

interface Unsent {
  readonly bytes: number;
  readonly deadline: NodeJS.Timeout;
}

/**
 * Bounds the memory for answers that the network has not taken. Node keeps an answer until its client reads it, for as
 * long as the connection lasts.
 */
export class UnsentAnswers {
  readonly #bounds: UnsentBounds;
  /** From the oldest to the newest. */
  readonly #answers = new Map<ServerResponse, Unsent>();
  #bytes = 0;

  private constructor(bounds: UnsentBounds) {
    this.#bounds = bounds;
  }

  /** Bounds the answers of a server. */
  static of(server: Server, bounds: UnsentBounds): UnsentAnswers {
    const unsent = new UnsentAnswers(bounds);
    // Before the handler, which may answer at once.
    server.prependListener('request', (_, answer: ServerResponse) => {
      // The answer has been handed over; what the network took at once counts no more.
      answer.once('prefinish', () => unsent.#note(answer));
    });
    return unsent;
  }

  /** Bytes that wait to be sent. */
  get bytes(): number {
    return this.#bytes;
  }

  #note(answer: ServerResponse): void {
    const bytes = answer.writableLength;
    if (bytes === 0 || answer.closed) return;
    const { maxBytes, graceMs, bytesPerSecond } = this.#bounds;
    const deadline = setTimeout(() => answer.destroy(), graceMs + (1000 * bytes) / bytesPerSecond);
    this.#answers.set(answer, { bytes, deadline });
    this.#bytes += bytes;
    answer.once('close', () => this.#forget(answer));
    for (const [oldest] of this.#answers) {
      if (this.#bytes <= maxBytes || oldest === answer) break;
      this.#forget(oldest);
      oldest.destroy();
    }
  }

  #forget(answer: ServerResponse): void {
    const unsent = this.#answers.get(answer);
    if (unsent === undefined) return;
    clearTimeout(unsent.deadline);
    this.#answers.delete(answer);
    this.#bytes -= unsent.bytes;
  }
}
