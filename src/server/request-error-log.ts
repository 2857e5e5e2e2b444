import { isGlasskeyError } from '../core/errors.ts';
import { describeError, type Logger } from './service-logger.ts';

/** Failures with less time between them are one outage, ms. */
const QUIET_MS = 10 * 60_000;
/** Ways of failing that are remembered; the one that was quiet for longest is forgotten first. */
const MAX_WAYS = 256;

/** Facts of a failed request for its log line. None of them quotes the request. */
export type Where = Readonly<Partial<Record<'method' | 'route' | 'request', string>>>;

interface Way {
  readonly lastMs: number;
  /** Failures since the last line. */
  readonly unlogged: number;
}

/**
 * Logs failed requests whose fault is the server's: one line for each way of failing, and no further one until it has
 * been quiet for ten minutes, so that an outage has one line however many requests fail. That a request succeeds ends
 * nothing: others may fail beside it. Clients learn of their own mistakes from the answer.
 */
export class RequestErrorLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  /** Ascending by `lastMs`. */
  readonly #ways = new Map<string, Way>();

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Takes the failure of a request. */
  failed(error: unknown, where: Where): void {
    const isOurs = !isGlasskeyError(error) || ['storage', 'internal'].includes(error.fault);
    if (!isOurs) return;
    const described = describeError(error);
    const way = `${where.method} ${where.route} ${described.code ?? described.message.slice(0, 200)}`;
    const earlier = this.#ways.get(way);
    const lastMs = this.#now();
    this.#ways.delete(way);
    if (earlier !== undefined && Math.abs(lastMs - earlier.lastMs) < QUIET_MS) {
      this.#ways.set(way, { lastMs, unlogged: earlier.unlogged + 1 });
      return;
    }
    this.#ways.set(way, { lastMs, unlogged: 0 });
    const [oldest] = this.#ways.keys();
    if (this.#ways.size > MAX_WAYS && oldest !== undefined) this.#ways.delete(oldest);
    const before = earlier === undefined ? {} : { unlogged: earlier.unlogged };
    this.#logger.error({ ...where, ...before, error: described }, 'a request failed');
  }
}
