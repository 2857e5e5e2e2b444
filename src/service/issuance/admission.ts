import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { LogContext } from '../log/log-context.ts';
import type { ServiceEvent } from '../service-event.ts';

/** How long a queue depth that was read counts as known, ms. */
const DEPTH_LIFETIME_MS = 1_000;

/** A request's place in the pipeline. */
export interface Ticket {
  /** To be called once the request has submitted, or will not. Further calls do nothing. */
  submitted(): void;
}

/** Bounds how many requests are in the pipeline, here and in the queue: memory does not grow with load (DESIGN §9). */
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

  /** Runs a request in the pipeline, and reports how it ended. Throws `overloaded` where there is no room. */
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

  /** The depth of the queue matters only when it is large, so an old figure will do. */
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
