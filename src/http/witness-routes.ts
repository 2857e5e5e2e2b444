import { type Context, Hono } from 'hono';
import { TLOG_SIZE_MEDIA_TYPE } from '../core/audit/add-checkpoint.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import { isGlasskeyError } from '../core/errors.ts';
import type { Witness, WitnessAnswer } from '../service/witness/witness.ts';
import { readRequest } from './read-body.ts';
import { type TokenBucketOptions, TokenBuckets } from '../service/token-buckets.ts';
import { clientKey, plainAddress } from './remote-address.ts';
import { slots } from './slots.ts';
import { NO_STORE, createResponse } from './responses.ts';
import type { WitnessCall, WitnessMetrics } from './witness-metrics.ts';

const TEXT = 'text/plain; charset=utf-8';
/** Fits 63 hashes and a checkpoint with more than 32 post-quantum signatures. */
const MAX_BODY_BYTES = 128 * 1024;
/** Concurrent requests before load shedding. */
const MAX_IN_FLIGHT = 256;
/** The same for subtrees. They wait only for the witness's disk. */
const MAX_SUBTREES_IN_FLIGHT = 64;
/** Tokens of an address for a subtree: checking and making an ML-DSA-44 signature takes about 15 ms of a processor. */
const SUBTREE_TOKENS = 10;
/** The answers to `sign-subtree` for which an ML-DSA-44 signature was checked. The others cost little. */
const KEYS_USED: ReadonlySet<number> = new Set([200, 403]);
/** Token bucket for the subtrees of all clients: about a third of a processor. */
const SUBTREE_BUDGET: TokenBucketOptions = { perSecond: 20, burst: 100 };
/** The key of the bucket that all clients share. */
const ALL = '';
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
 * Creates the HTTP interface of a witness (c2sp.org/tlog-witness): `POST /add-checkpoint`, `POST /sign-subtree` and
 * `GET /<origin hash>/checkpoint`, with `/healthz` and `/metrics` for its operator. All input is untrusted and bounded.
 */
export function createWitnessApp(options: WitnessAppOptions): Hono {
  const { witness, metrics, now } = options;
  const budget = new TokenBuckets(options.budget, now);
  const subtrees = new TokenBuckets(SUBTREE_BUDGET, now);
  const [checkpointSlot, subtreeSlot] = [slots(MAX_IN_FLIGHT), slots(MAX_SUBTREES_IN_FLIGHT)];
  const app = new Hono();
  app.post('/add-checkpoint', async (c) => {
    if (!budget.take(clientKey(plainAddress(options.addressOf?.(c) ?? ''))))
      return busy(metrics, 'add-checkpoint', 429);
    // Read before it takes a slot: a client that sends slowly, or never ends, must not keep logs out.
    const body = await readRequest(c.req.raw.body, MAX_BODY_BYTES);
    const start = performance.now();
    const answer = await checkpointSlot(() => witness.addCheckpoint(body));
    if (answer === undefined) return busy(metrics, 'add-checkpoint', 503);
    metrics.observe(answer, (performance.now() - start) / 1000, now());
    return respondAnswer(answer);
  });
  app.post('/sign-subtree', async (c) => {
    const key = clientKey(plainAddress(options.addressOf?.(c) ?? ''));
    if (!budget.take(key)) return busy(metrics, 'sign-subtree', 429);
    const body = await readRequest(c.req.raw.body, MAX_BODY_BYTES);
    // Logs that want their checkpoints cosigned come first: subtrees of all clients together get a share of the time.
    if (!subtrees.take(ALL)) return busy(metrics, 'sign-subtree', 503);
    budget.spend(key, SUBTREE_TOKENS - 1);
    const start = performance.now();
    const answer = await subtreeSlot(() => witness.signSubtree(body));
    if (answer === undefined) return busy(metrics, 'sign-subtree', 503);
    if (!KEYS_USED.has(answer.status)) {
      budget.spend(key, 1 - SUBTREE_TOKENS);
      subtrees.giveBack(ALL);
    }
    metrics.observeSubtree(answer, (performance.now() - start) / 1000);
    return answer.status === 200 ? createResponse(answer.lines, TEXT, NO_STORE) : refused(answer);
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
  app.onError((error, c) => {
    const status = isGlasskeyError(error) ? BODY_STATUS[error.code] : undefined;
    if (status === undefined) options.onError?.(error);
    metrics.count(c.req.path === '/sign-subtree' ? 'sign-subtree' : 'add-checkpoint', status ?? 500);
    const reason = status === undefined ? 'the witness cannot answer' : error.message;
    return createResponse(`${reason}\n`, TEXT, NO_STORE, { status: status ?? 500 });
  });
  return app;
}

function respondAnswer(answer: WitnessAnswer): Response {
  const { status } = answer;
  if (status === 200) return createResponse(answer.lines, TEXT, NO_STORE);
  if (status === 409) return createResponse(`${answer.size}\n`, TLOG_SIZE_MEDIA_TYPE, NO_STORE, { status });
  return refused(answer);
}

function refused({ status, reason }: { readonly status: number; readonly reason: string }): Response {
  return createResponse(`${reason}\n`, TEXT, NO_STORE, { status });
}

function busy(metrics: WitnessMetrics, call: WitnessCall, status: 429 | 503): Response {
  metrics.count(call, status);
  return createResponse('too many requests\n', TEXT, NO_STORE, { status, headers: { 'retry-after': '1' } });
}
