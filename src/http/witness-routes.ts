import { type Context, Hono } from 'hono';
import { TLOG_SIZE_MEDIA_TYPE } from '../core/audit/add-checkpoint.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { isGlasskeyError } from '../core/errors.ts';
import type { Witness, WitnessAnswer } from '../service/witness/witness.ts';
import { readRequest } from './read-body.ts';
import { type TokenBucketOptions, TokenBuckets } from '../service/token-buckets.ts';
import { clientKey, plainAddress } from './remote-address.ts';
import { NO_STORE, createResponse } from './responses.ts';
import type { WitnessMetrics } from './witness-metrics.ts';

const TEXT = 'text/plain; charset=utf-8';
/** Fits 63 hashes and a checkpoint with more than 32 post-quantum signatures. */
const MAX_BODY_BYTES = 128 * 1024;
/** Concurrent requests before load shedding. */
const MAX_IN_FLIGHT = 256;
/** HTTP status for a body that cannot be read. */
const BODY_STATUS: Partial<Record<ErrorCode, number>> = { 'payload-too-large': 413, 'invalid-request': 400 };
/** Bounds the age of a cached copy, s. */
const RETRIEVAL_CACHE = 'public, max-age=5';

/** Options of {@link createWitnessApp}. */
export interface WitnessAppOptions {
  readonly witness: Witness;
  readonly metrics: WitnessMetrics;
  /** Now in ms. */
  readonly now: () => number;
  /** Token bucket of each IPv4 address and each IPv6 /64. */
  readonly budget: TokenBucketOptions;
  /** Returns a client's address. Default: all clients share one. */
  readonly addressOf?: ((c: Context) => string) | undefined;
  /** Called for each fault of the witness itself. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Creates the HTTP interface of a witness (c2sp.org/tlog-witness): `POST /add-checkpoint` and
 * `GET /<origin hash>/checkpoint`, with `/healthz` and `/metrics` for its operator. All input is untrusted and bounded.
 */
export function createWitnessApp(options: WitnessAppOptions): Hono {
  const { witness, metrics, now } = options;
  const budget = new TokenBuckets(options.budget, now);
  let inFlight = 0;
  const app = new Hono();
  app.post('/add-checkpoint', async (c) => {
    if (!budget.take(clientKey(plainAddress(options.addressOf?.(c) ?? '')))) return busy(metrics, 429);
    // Read before it takes a slot: a client that sends slowly, or never ends, must not keep logs out.
    const body = await readRequest(c.req.raw.body, MAX_BODY_BYTES);
    if (inFlight >= MAX_IN_FLIGHT) return busy(metrics, 503);
    inFlight++;
    try {
      const start = performance.now();
      const answer = await witness.addCheckpoint(body);
      metrics.observe(answer, (performance.now() - start) / 1000, now());
      return respondAnswer(answer);
    } finally {
      inFlight--;
    }
  });
  app.get('/:hash{[0-9a-f]{64}}/checkpoint', async (c) => {
    const note = await witness.latest(c.req.param('hash'));
    if (note === undefined)
      return createResponse('this witness has not cosigned a checkpoint of this log\n', TEXT, NO_STORE, {
        status: 404,
      });
    return createResponse(note, TEXT, RETRIEVAL_CACHE);
  });
  app.get('/healthz', () => createResponse('ok\n', TEXT, NO_STORE, { forOperators: true }));
  app.get('/metrics', async () =>
    createResponse(await metrics.format(), metrics.contentType, NO_STORE, { forOperators: true }),
  );
  app.notFound(() => createResponse('there is nothing at this path\n', TEXT, NO_STORE, { status: 404 }));
  app.onError((error) => {
    const status = isGlasskeyError(error) ? BODY_STATUS[error.code] : undefined;
    if (status === undefined) options.onError?.(error);
    metrics.count(status ?? 500);
    const reason = status === undefined ? 'the witness cannot answer' : error.message;
    return createResponse(`${reason}\n`, TEXT, NO_STORE, { status: status ?? 500 });
  });
  return app;
}

function respondAnswer(answer: WitnessAnswer): Response {
  const { status } = answer;
  if (status === 200) return createResponse(answer.lines, TEXT, NO_STORE);
  if (status === 409) return createResponse(`${answer.size}\n`, TLOG_SIZE_MEDIA_TYPE, NO_STORE, { status });
  return createResponse(`${answer.reason}\n`, TEXT, NO_STORE, { status });
}

function busy(metrics: WitnessMetrics, status: 429 | 503): Response {
  metrics.count(status);
  return createResponse('too many requests\n', TEXT, NO_STORE, { status, headers: { 'retry-after': '1' } });
}
