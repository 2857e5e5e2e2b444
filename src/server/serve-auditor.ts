import { setTimeout as sleep } from 'node:timers/promises';
import { Transport } from '../client/transport.ts';
import { LOG_PREFIX, PATHS } from '../contract/paths.ts';
import { KEYTRANS_MEDIA_TYPE } from '../contract/media-types.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import type { Signer } from '../core/crypto/signer.ts';
import { platformFetch } from '../core/net/bounded-fetch.ts';
import { AuditorMetrics } from '../http/auditor-metrics.ts';
import { createAuditorApp } from '../http/auditor-routes.ts';
import { serveApp } from '../http/server.ts';
import { Auditor } from '../service/auditor/auditor.ts';
import type { AuditorEvent } from '../service/auditor/auditor-event.ts';
import { deliverHead } from '../service/auditor/deliver-head.ts';
import { DurableFile, removeUnfinished } from '../service/log/durable-file.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { AuditorFolder } from './auditor-folder.ts';
import { AuditorLog } from './auditor-log.ts';
import { AuditorTrust } from './auditor-trust.ts';
import { describeMisbehaviour, followLog, type FollowOptions, isProven, type UpdateThreads } from './follow-log.ts';
import { parseListen } from './listen-address.ts';
import { stderrLogger } from './service-logger.ts';

/** Options of {@link serveAuditor}. */
export interface ServeAuditorOptions {
  readonly data: string;
  /** URL of the log's server. */
  readonly server: string;
  /** Bundle to hold the server to. Default if undefined: the pinned one, else the first that the server shows. */
  readonly trust: SignedTrustBundle | undefined;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  /** Pause between two audits, ms. */
  readonly intervalMs: number;
  /** True to post heads to the server as well as serving them. */
  readonly post: boolean;
  /** Starts threads that verify the AuditorUpdates below a URL. Default: the calling thread verifies them. */
  readonly openThreads?: (prefix: string) => UpdateThreads & { close(): Promise<void> };
}

/** An auditor that runs until {@link RunningAuditor.stop}. */
export interface RunningAuditor {
  readonly url: string;
  stop(): Promise<void>;
}

const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Runs the auditor of a data folder, which it locks. Logs to stderr.
 * Throws `usage`, `bad-key-file`, `storage-locked`, `storage-corrupt`.
 */
export async function serveAuditor(options: ServeAuditorOptions): Promise<RunningAuditor> {
  const logger = stderrLogger();
  const listen = parseListen(options.listen);
  const stopping = new AbortController();
  const { signal } = stopping;
  const transport = new Transport({
    server: options.server,
    fetch: platformFetch,
    signal,
    timeoutMs: ANSWER_TIMEOUT_MS,
  });
  const folder = new AuditorFolder(options.data);
  const signer = await folder.openSigner();
  const lock = await lockFolder(folder.path);
  const threads = options.openThreads?.(transport.server + LOG_PREFIX);
  const metrics = new AuditorMetrics();
  const log = new AuditorLog(logger);
  const observe = (event: AuditorEvent): void => {
    // An audit that the stop interrupts has not failed.
    if (event.type === 'failed' && !event.isMisbehaviour && signal.aborted) return;
    metrics.observe(event);
    log.observe(event);
  };
  try {
    await removeUnfinished(folder.path);
    const onFirstUse = (origin: string, fingerprint: string): void =>
      logger.warn({ origin, fingerprint }, 'trusting the log on first use');
    const trust = new AuditorTrust({ folder: folder.path, given: options.trust, transport, onFirstUse });
    const auditor = await openAuditor(folder, signer, {
      server: transport.server,
      fetch: platformFetch,
      signal,
      bundle: () => trust.settle(),
      observe,
      threads,
    });
    const server = await serveApp(createAuditorApp({ auditor, metrics, now: Date.now }), listen);
    const target = options.post ? transport.server + PATHS.auditorHead : undefined;
    const running = run(auditor, target, { ...options, observe, signal });
    logger.info({ url: server.url, log: transport.server }, 'auditing');
    const stop = async (): Promise<void> => {
      logger.info('stopping');
      stopping.abort();
      await threads?.close();
      await server.close();
      await running;
      await lock.release();
    };
    return { url: server.url, stop };
  } catch (error) {
    await threads?.close();
    await lock.release();
    throw error;
  }
}

/** Opens the auditor of a folder, which follows the log below `server`. */
function openAuditor(
  folder: AuditorFolder,
  signer: Signer,
  log: Pick<FollowOptions, 'server' | 'fetch' | 'signal' | 'bundle'> & {
    readonly observe: (event: AuditorEvent) => void;
    readonly threads: UpdateThreads | undefined;
  },
): Promise<Auditor> {
  const { observe, threads, ...source } = log;
  const follow: FollowOptions = {
    ...source,
    ...(threads === undefined ? {} : { threads }),
    now: Date.now,
    onProgress: ({ done, total }) => observe({ type: 'progress', done, total }),
  };
  return Auditor.open({
    signer,
    record: new DurableFile(folder.record),
    evidence: new DurableFile(folder.evidence),
    follow: (state) => followLog(follow, state),
    isProof: isProven,
    describe: (error) => describeMisbehaviour(error, source.server, Date.now()),
    observe,
  });
}

/** Audits the log at intervals. Posts each new head until the server accepts it. */
async function run(
  auditor: Auditor,
  target: string | undefined,
  options: {
    readonly intervalMs: number;
    readonly observe: (event: AuditorEvent) => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { intervalMs, observe, signal } = options;
  let delivered = 0;
  while (!signal.aborted) {
    await auditor.step();
    const { head } = auditor;
    if (target !== undefined && head !== undefined && head.treeSize > delivered) {
      try {
        await deliverHead(head, { url: target, mediaType: KEYTRANS_MEDIA_TYPE, fetch: platformFetch, signal });
        delivered = head.treeSize;
        observe({ type: 'delivered', size: delivered });
      } catch (error) {
        observe({ type: 'failed', work: 'delivery', error, isMisbehaviour: false });
      }
    }
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}
