import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { LogContext } from '../log/log-context.ts';
import type { ServiceEvent } from '../service-event.ts';

/** Lifetime of a queue depth that was read, ms. */
const DEPTH_LIFETIME_MS = 1_000;

/** A request's place in the pipeline. */
export interface Ticket {
  /** Notes that the request has submitted, or never will. Further calls do nothing. */
  submitted(): void;
}

/**
 * Load shedding: bounds the requests in the pipeline, here and in the queue, so that memory does not grow with load
 * (docs/architecture.md#sequencing-and-durability).
 */
export class Admission {
  readonly #context: LogContext;
  #inFlight = 0;
  #preparing = 0;
  #depth = 0;
  #depthReadAt = -Infinity;

  constructor(context: LogContext) {
    this.#context = context;
  }

  /** Requests in the pipeline. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Requests that have not submitted yet. */
  get preparing(): number {
    return this.#preparing;
  }

  /** Runs a request in the pipeline, and reports its outcome. Throws `overloaded` if there is no room. */
  async run<T>(
    kind: Extract<ServiceEvent, { type: 'request' }>['kind'],
    work: (ticket: Ticket) => Promise<T>,
  ): Promise<T> {
    this.#assertRoom();
    const started = performance.now();
    const ticket = this.#enter();
    let code: Extract<ServiceEvent, { type: 'request' }>['code'] = 'ok';
    try {
      return await work(ticket);
    } catch (error) {
      code = codeOf(error);
      throw error;
    } finally {
      ticket.submitted();
      this.#inFlight--;
      this.#context.observe({ type: 'request', kind, code, milliseconds: performance.now() - started });
    }
  }

  #enter(): Ticket {
    this.#inFlight++;
    this.#preparing++;
    let open = true;
    return {
      submitted: () => {
        if (open) this.#preparing--;
        open = false;
      },
    };
  }

  #assertRoom(): void {
    const { maxInFlight, maxQueue } = this.#context.limits;
    this.#refreshDepth();
    const fits = this.#inFlight < maxInFlight && this.#depth <= maxQueue;
    ensure(fits, 'overloaded', 'too many requests are waiting');
  }

  /** Returns a recent depth. Only a large one matters, and a queue does not grow large at once. */
  #refreshDepth(): void {
    if (performance.now() - this.#depthReadAt < DEPTH_LIFETIME_MS) return;
    this.#depthReadAt = performance.now();
    this.#context.store.queueDepth().then(
      (depth) => (this.#depth = depth),
      () => undefined,
    );
  }
}

function codeOf(error: unknown): Extract<ServiceEvent, { type: 'request' }>['code'] {
  return isGlasskeyError(error) ? error.code : 'internal';
}
