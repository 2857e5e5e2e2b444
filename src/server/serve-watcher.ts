import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Connection } from '../client/connect.ts';
import type { Run } from '../client/operations/operation.ts';
import { FolderState } from '../client/node/folder-state.ts';
import { serverBase } from '../client/transport.ts';
import { LOG_PREFIX, WATCHER_PATHS } from '../contract/paths.ts';
import { fingerprint } from '../contract/bundle-signature.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import { MAX_NOTE_BYTES } from '../core/audit/note.ts';
import { decodeLossyUtf8, formatBase64 } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { boundedFetch, platformFetch } from '../core/net/bounded-fetch.ts';
import { Deliverer } from '../delivery/deliverer.ts';
import type { MailSettings } from '../delivery/mailer.ts';
import type { EgressSettings } from '../delivery/safe-egress.ts';
import { remoteAddress } from '../http/remote-address.ts';
import { serveApp } from '../http/server.ts';
import { WatcherMetrics } from '../http/watcher-metrics.ts';
import { createWatcherApp } from '../http/watcher-routes.ts';
import { removeUnfinished } from '../service/log/durable-file.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { deliverDue } from '../watch/outbox.ts';
import type { Peer } from '../watch/peers.ts';
import { WATCH_LIMITS, type WatchContext } from '../watch/watch-context.ts';
import type { WatchEvent } from '../watch/watch-event.ts';
import { NameWatcher } from '../watch/watcher.ts';
import { WatchStore } from '../watch/watch-store.ts';
import type { UpdateThreads } from './follow-log.ts';
import { parseListen } from './listen-address.ts';
import { RequestErrorLog } from './request-error-log.ts';
import { describeError, stderrLogger } from './service-logger.ts';
import { WatcherFolder } from './watcher-folder.ts';
import { WatcherLog } from './watcher-log.ts';
import { watcherPort } from './watcher-port.ts';

/** Options of {@link serveWatcher}. */
export interface ServeWatcherOptions {
  readonly data: string;
  /** URL of the log's server. */
  readonly server: string;
  /** Bundle to hold the server to. Default if undefined: the pinned one, else the first that the server shows. */
  readonly trust: SignedTrustBundle | undefined;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  /** The URL at which owners reach the watcher. Default: the one that it listens on. */
  readonly url: string | undefined;
  /** Pause between two rounds, ms. */
  readonly intervalMs: number;
  /** Most names. */
  readonly names: number;
  /** URLs of other watchers of the log. */
  readonly peers: readonly string[];
  /** Requests per second that the token bucket of one address refills with. */
  readonly perSecond: number;
  readonly mail: MailSettings | undefined;
  /** `mailto:` or `https:`: where push services reach the operator. Default: no Web Push. */
  readonly contact: string | undefined;
  readonly egress: EgressSettings;
  readonly lookupToken?: (() => Promise<string>) | undefined;
  /** Starts threads that verify the AuditorUpdates below a URL. Default: the calling thread verifies them. */
  readonly openThreads?: (prefix: string) => UpdateThreads & { close(): Promise<void> };
  /** ms since the epoch. Default: the system's clock. */
  readonly now?: () => number;
}

/** A watcher that runs until {@link RunningWatcher.stop}. */
export interface RunningWatcher {
  readonly url: string;
  /** Base64. */
  readonly publicKey: string;
  /** Resolves when it has stopped; rejects if it cannot store what it sees. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const ANSWER_TIMEOUT_MS = 30_000;
const PEER_TIMEOUT_MS = 10_000;
/** Size of a client's token bucket: the seconds in which it refills. */
const BURST_SECONDS = 20;
/** Pause between two looks for notices that are due, ms. */
const DELIVERY_PAUSE_MS = 1_000;

/**
 * Runs the watcher of a data folder, which it locks. Logs to stderr, without names and addresses. Throws `usage`,
 * `bad-key-file`, `storage-locked`, `storage-corrupt`, `state-corrupt`, `network-failed`, and what opening the log
 * throws.
 */
export async function serveWatcher(options: ServeWatcherOptions): Promise<RunningWatcher> {
  const logger = stderrLogger();
  const listen = parseListen(options.listen);
  const now = options.now ?? Date.now;
  const stopping = new AbortController();
  const { signal } = stopping;
  const folder = new WatcherFolder(options.data);
  await folder.create();
  const lock = await lockFolder(folder.path);
  const closers: (() => Promise<void>)[] = [() => lock.release()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.toReversed()) await close();
  };
  try {
    await removeUnfinished(folder.path);
    const keys = await folder.openKeys();
    const store = await WatchStore.open(folder.records);
    const connection = await connectTo(options, folder, now, signal);
    const { contact, mail, egress } = options;
    const deliverer = new Deliverer({
      mail,
      egress,
      webhookKey: keys.watcher,
      vapid: contact === undefined ? undefined : { ...keys.vapid, subject: contact },
    });
    closers.push(() => deliverer.close());
    const threads = options.openThreads?.(serverBase(options.server) + LOG_PREFIX);
    closers.push(async () => threads?.close());
    const metrics = new WatcherMetrics();
    const log = new WatcherLog(logger);
    const observe = (event: WatchEvent): void => {
      if (event.type === 'failed' && signal.aborted) return;
      metrics.observe(event);
      log.observe(event);
    };
    const { bundle } = connection.operation.trust;
    const { origin, identityRules } = bundle;
    if (connection.trustOrigin === 'first-use') {
      logger.warn({ origin, fingerprint: fingerprint(bundle) }, 'trusting the log on first use');
    }
    const { reasonableMonitoringWindowMs } = connection.operation.trust.config;
    const urls = { url: options.url === undefined ? '' : serverBase(options.url) };
    const context: WatchContext = {
      origin,
      identityRules,
      publicKey: keys.publicKey,
      get url() {
        return urls.url;
      },
      store,
      run: runOf(connection),
      deliverer,
      limits: { ...WATCH_LIMITS, names: options.names, blindMs: reasonableMonitoringWindowMs },
      now,
      random: (length) => new Uint8Array(randomBytes(length)),
      observe,
      threads,
    };
    const watcher = new NameWatcher(
      context,
      options.peers.map((url) => peerAt(url, signal)),
    );
    const requestErrors = new RequestErrorLog(logger, Date.now);
    const app = createWatcherApp({
      watcher: watcherPort(context, watcher),
      metrics,
      now,
      budget: { perSecond: options.perSecond, burst: options.perSecond * BURST_SECONDS },
      addressOf: remoteAddress,
      onError: (error) => requestErrors.failed(error, {}),
    });
    const server = await serveApp(app, listen);
    closers.push(() => server.close());
    if (urls.url === '') urls.url = server.url;
    logger.info({ url: server.url, log: origin, names: store.nameCount }, 'watching');
    const ended = runLoops(context, watcher, options.intervalMs, stopping).catch((error: unknown) => {
      logger.fatal(describeError(error), 'cannot store what the watcher sees: it stops');
      throw error;
    });
    ended.catch(() => undefined);
    const stop = async (): Promise<void> => {
      logger.info('stopping');
      stopping.abort();
      await ended.catch(() => undefined);
      await closeAll();
    };
    return { url: server.url, publicKey: formatBase64(keys.publicKey), ended, stop };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function connectTo(
  options: ServeWatcherOptions,
  folder: WatcherFolder,
  now: () => number,
  signal: AbortSignal,
): Promise<Connection> {
  const { server, trust, lookupToken } = options;
  const state = new FolderState(folder.state);
  return connect({ server, state, bundle: trust, now, signal, lookupToken, timeoutMs: ANSWER_TIMEOUT_MS });
}

/** Returns what runs steps on the state, under the newest bundle of the log. */
function runOf({ operation, state, heldToNewest }: Connection): Run {
  return (work) => heldToNewest(() => state.transact((current) => work(operation, current)));
}

function peerAt(peer: string, signal: AbortSignal): Peer {
  const url = serverBase(peer) + WATCHER_PATHS.checkpoint;
  const bounds = { timeoutMs: PEER_TIMEOUT_MS, signal, maxBytes: MAX_NOTE_BYTES, name: url };
  return {
    url: peer,
    checkpoint: async () => {
      const { status, body } = await boundedFetch(platformFetch, url, {}, bounds);
      ensure(status === 200, 'bad-response', `${url} answered ${status}`);
      return decodeLossyUtf8(body);
    },
  };
}

/** Watches and delivers until the stop. If one of the two cannot store, both end. */
async function runLoops(
  context: WatchContext,
  watcher: NameWatcher,
  intervalMs: number,
  stopping: AbortController,
): Promise<void> {
  const { signal } = stopping;
  const repeat = async (work: () => Promise<void>, pauseMs: number): Promise<void> => {
    while (!signal.aborted) {
      await work();
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  };
  try {
    await Promise.all([
      repeat(() => watcher.step(), intervalMs),
      repeat(() => deliverDue(context, signal), DELIVERY_PAUSE_MS),
    ]);
  } catch (error) {
    stopping.abort();
    throw error;
  }
}
