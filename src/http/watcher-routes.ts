import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import { HTML_MEDIA_TYPE, JSON_MEDIA_TYPE, mediaTypeOf } from '../contract/media-types.ts';
import { JsonFields } from '../contract/json-fields.ts';
import { WATCHER_PATHS } from '../contract/paths.ts';
import { decodeLossyUtf8 } from '../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import { type TokenBucketOptions, TokenBuckets } from '../service/token-buckets.ts';
import type { AddressState } from '../watch/invitations.ts';
import { type MandateOrder, ORDER_BOUNDS } from '../watch/mandates.ts';
import { FEED_MEDIA_TYPE } from '../watch/feed.ts';
import { take } from './rate-limits.ts';
import { readJson, readRequest } from './read-body.ts';
import { clientKey, plainAddress } from './remote-address.ts';
import { slots } from './slots.ts';
import { createResponse, NO_STORE, respondProblem } from './responses.ts';
import { formatConfirmPage, formatHealthPage, type WatcherFacts } from './watcher-pages.ts';
import type { WatcherMetrics, WatchNumbers } from './watcher-metrics.ts';

/** The watcher as its HTTP interface needs it. */
export interface WatcherPort {
  facts(): WatcherFacts;
  numbers(): WatchNumbers;
  /** The newest audited checkpoint. */
  checkpoint(): string | undefined;
  /** Takes a mandate up; see `takeMandate`. */
  take(order: MandateOrder): Promise<{ readonly change: string; readonly addresses: readonly AddressState[] }>;
  /** Confirms an address; undefined for a wrong code. */
  confirm(code: string): Promise<string | undefined>;
  /** Returns a feed as Atom; undefined for a wrong secret. */
  feed(secret: string): string | undefined;
}

/** Options of {@link createWatcherApp}. */
export interface WatcherAppOptions {
  readonly watcher: WatcherPort;
  readonly metrics: WatcherMetrics;
  /** Now in ms. */
  readonly now: () => number;
  /** Token bucket of each IPv4 address and each IPv6 /64, for requests that make work. */
  readonly budget: TokenBucketOptions;
  readonly addressOf?: ((c: Context) => string) | undefined;
  /** Called for each fault of the watcher itself. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const TEXT = 'text/plain; charset=utf-8';
/** Fits a mandate and its addresses. */
const MAX_BODY_BYTES = 40 * 1024;
/** Mandates in hand at a time. */
const MAX_IN_FLIGHT = 32;
const NO_SCRIPT = { 'content-security-policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'" };
/** A feed's URL is its reader's secret: it goes into no cache and no Referer header. */
const SECRET = { 'referrer-policy': 'no-referrer', 'x-robots-tag': 'noindex' };

/**
 * Creates the HTTP interface of a watcher (docs/spec.md#watcher-http). All input is untrusted and bounded. No answer
 * says whether a name is watched, but to whoever holds a key of it.
 */
export function createWatcherApp(options: WatcherAppOptions): Hono {
  const { watcher, metrics, now } = options;
  const budget = new TokenBuckets(options.budget, now);
  const paid = (c: Context): void => take(budget, clientKey(plainAddress(options.addressOf?.(c) ?? '')));
  const text = (body: string, status: number): Response => createResponse(`${body}\n`, TEXT, NO_STORE, { status });
  const json = (body: unknown): Response => createResponse(JSON.stringify(body), JSON_MEDIA_TYPE, NO_STORE);
  const html = (body: string, status = 200): Response =>
    createResponse(body, HTML_MEDIA_TYPE, NO_STORE, {
      status,
      forOperators: true,
      headers: { ...SECRET, ...NO_SCRIPT },
    });
  const app = new Hono();
  app.use('/v1/*', cors({ origin: '*', allowMethods: ['GET', 'POST'], allowHeaders: ['Content-Type'], maxAge: 7200 }));
  app.get('/', () => html(formatHealthPage(watcher.facts(), now())));
  app.get(WATCHER_PATHS.description, () => json(describe(watcher)));
  app.get(WATCHER_PATHS.checkpoint, () => {
    const checkpoint = watcher.checkpoint();
    return checkpoint === undefined ? text('nothing is audited yet', 404) : createResponse(checkpoint, TEXT, NO_STORE);
  });
  const slot = slots(MAX_IN_FLIGHT);
  app.post(WATCHER_PATHS.mandates, async (c) => {
    paid(c);
    const order = readOrder(await readJson(c, JSON_MEDIA_TYPE, MAX_BODY_BYTES));
    const taken = await slot(() => watcher.take(order));
    ensure(taken !== undefined, 'overloaded', 'too many mandates at once');
    return json(taken);
  });
  app.post(WATCHER_PATHS.confirm, async (c) => {
    paid(c);
    const fields = new JsonFields(await readJson(c, JSON_MEDIA_TYPE, MAX_BODY_BYTES), 'invalid-request').only(['code']);
    const identity = await watcher.confirm(fields.string('code', 128));
    ensure(identity !== undefined, 'code-refused', 'this code is unknown, or a newer one replaced it');
    return json({ identity });
  });
  app.get(WATCHER_PATHS.confirmPage, () => html(formatConfirmPage()));
  app.post(WATCHER_PATHS.confirmPage, async (c) => {
    paid(c);
    const identity = await watcher.confirm(await readCode(c));
    return html(formatConfirmPage({ identity }), identity === undefined ? 403 : 200);
  });
  app.get(`${WATCHER_PATHS.feed}:secret`, (c) => {
    const feed = watcher.feed(c.req.param('secret'));
    if (feed === undefined)
      return createResponse('there is no such feed\n', TEXT, NO_STORE, { status: 404, headers: SECRET });
    return createResponse(feed, FEED_MEDIA_TYPE, 'private, no-store', { forOperators: true, headers: SECRET });
  });
  app.get(WATCHER_PATHS.health, () => {
    const { misbehaviour, isBlind, verifiedMs } = watcher.facts().health;
    const isFine = misbehaviour === undefined && !isBlind && verifiedMs !== undefined;
    const body = isFine ? 'ok\n' : `${misbehaviour?.code ?? 'not verified'}\n`;
    return createResponse(body, TEXT, NO_STORE, { status: isFine ? 200 : 503, forOperators: true });
  });
  app.get(WATCHER_PATHS.metrics, async () => {
    const body = await metrics.format(watcher.numbers(), now());
    return createResponse(body, metrics.contentType, NO_STORE, { forOperators: true });
  });
  app.notFound(() => text('there is nothing at this path', 404));
  app.onError((error) => {
    if (!isGlasskeyError(error) || error.fault === 'internal' || error.fault === 'storage') options.onError?.(error);
    return respondProblem(error);
  });
  return app;
}

function describe(watcher: WatcherPort): Readonly<Record<string, unknown>> {
  const { origin, key, health } = watcher.facts();
  const { size, verifiedMs, misbehaviour, isBlind } = health;
  const verified = verifiedMs === undefined ? undefined : new Date(verifiedMs).toISOString();
  return { origin, key, size, verified, isBlind, misbehaviour: misbehaviour?.code };
}

function readOrder(body: unknown): MandateOrder {
  const fields = new JsonFields(body, 'invalid-request').only(['identity', 'mandate', 'addresses']);
  return {
    identity: fields.string('identity', 512),
    mandate: fields.string('mandate', ORDER_BOUNDS.mandate),
    addresses: fields.strings('addresses', { minimum: 0, maximum: ORDER_BOUNDS.addresses }, ORDER_BOUNDS.address),
  };
}

/** Reads the code from a form. Throws `unsupported-media-type`, `invalid-request`, `payload-too-large`. */
async function readCode(c: Context): Promise<string> {
  const isForm = mediaTypeOf(c.req.header('content-type')) === 'application/x-www-form-urlencoded';
  ensure(isForm, 'unsupported-media-type', 'the body must be a form');
  const code = new URLSearchParams(decodeLossyUtf8(await readRequest(c.req.raw.body, 1024))).get('code');
  ensure(code !== null, 'invalid-request', 'the form has no code');
  return code.trim();
}
