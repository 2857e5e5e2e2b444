import { type Context, Hono } from 'hono';
import { TLOG_SIZE_MEDIA_TYPE } from '../core/audit/add-checkpoint.ts';
import { isGlasskeyError } from '../core/errors.ts';
import type { Witness, WitnessAnswer } from '../service/witness/witness.ts';
import { readStream } from './read-body.ts';
import { type BudgetOptions, RequestBudget } from '../service/request-budget.ts';
import { NO_STORE, respond } from './responses.ts';
import type { WitnessMetrics } from './witness-metrics.ts';

const TEXT = 'text/plain; charset=utf-8';
/** Room for 63 hashes and a checkpoint with more than 32 post-quantum signatures. */
const MAX_BODY_BYTES = 128 * 1024;
/** Requests under way at once: what comes on top is told to come back. */
const MAX_IN_FLIGHT = 256;
/** A monitor's copy may be so old, s. */
const RETRIEVAL_CACHE = 'public, max-age=5';

/** What the HTTP side of a witness needs. */
export interface WitnessAppOptions {
  readonly witness: Witness;
  readonly metrics: WitnessMetrics;
  /** Now in ms. */
  readonly now: () => number;
  /** For each address. */
  readonly budget: BudgetOptions;
  /** Who asks; default: all are one. */
  readonly addressOf?: ((c: Context) => string) | undefined;
  /** Told of what is the witness's own fault. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * The HTTP interface of a witness (c2sp.org/tlog-witness): `POST /add-checkpoint`, `GET /<origin hash>/checkpoint`, and
 * `/healthz` and `/metrics` for its operator. Everything that comes in is untrusted and bounded.
 */
export function createWitnessApp(options: WitnessAppOptions): Hono {
  const { witness, metrics, now } = options;
  const budget = new RequestBudget(options.budget, now);
  let inFlight = 0;
  const app = new Hono();
  app.post('/add-checkpoint', async (c) => {
    if (!budget.take(options.addressOf?.(c) ?? '')) return busy(metrics, 429);
    if (inFlight >= MAX_IN_FLIGHT) return busy(metrics, 503);
    inFlight++;
    try {
      const start = performance.now();
      const answer = await witness.addCheckpoint(await readWhole(c));
      metrics.observe(answer, (performance.now() - start) / 1000, now());
      return respondAnswer(answer);
    } finally {
      inFlight--;
    }
  });
  app.get('/:hash{[0-9a-f]{64}}/checkpoint', async (c) => {
    const note = await witness.latest(c.req.param('hash'));
    if (note === undefined) return respond('nothing was cosigned for this log\n', TEXT, NO_STORE, { status: 404 });
    return respond(note, TEXT, RETRIEVAL_CACHE);
  });
  app.get('/healthz', () => respond('ok\n', TEXT, NO_STORE, { forOperators: true }));
  app.get('/metrics', async () =>
    respond(await metrics.format(), metrics.contentType, NO_STORE, { forOperators: true }),
  );
  app.notFound(() => respond('there is nothing at this path\n', TEXT, NO_STORE, { status: 404 }));
  app.onError((error) => {
    const isTooLarge = isGlasskeyError(error, 'payload-too-large');
    if (!isTooLarge) options.onError?.(error);
    metrics.count(isTooLarge ? 413 : 500);
    return respond(isTooLarge ? `${error.message}\n` : 'the witness cannot answer\n', TEXT, NO_STORE, {
      status: isTooLarge ? 413 : 500,
    });
  });
  return app;
}

/** The body, whatever it is said to be: the protocol names no media type. */
function readWhole(c: Context): Promise<Uint8Array> {
  return readStream(c.req.raw.body, MAX_BODY_BYTES);
}

function respondAnswer(answer: WitnessAnswer): Response {
  const { status } = answer;
  if (status === 200) return respond(answer.lines, TEXT, NO_STORE);
  if (status === 409) return respond(`${answer.size}\n`, TLOG_SIZE_MEDIA_TYPE, NO_STORE, { status });
  return respond(`${answer.reason}\n`, TEXT, NO_STORE, { status });
}

function busy(metrics: WitnessMetrics, status: 429 | 503): Response {
  metrics.count(status);
  return respond('too many requests\n', TEXT, NO_STORE, { status, headers: { 'retry-after': '1' } });
}
