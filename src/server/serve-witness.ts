import { unwatchFile, watchFile } from 'node:fs';
import type { Vkey } from '../core/audit/vkey.ts';
import { isGlasskeyError } from '../core/errors.ts';
import { remoteAddress } from '../http/remote-address.ts';
import { serveApp } from '../http/server.ts';
import { WitnessMetrics } from '../http/witness-metrics.ts';
import { createWitnessApp } from '../http/witness-routes.ts';
import { removeUnfinished } from '../service/log/durable-file.ts';
import { Witness } from '../service/witness/witness.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { parseListen } from './listen-address.ts';
import { RequestErrorLog } from './request-error-log.ts';
import { stderrLogger } from './service-logger.ts';
import { WitnessFolder } from './witness-folder.ts';

/** Options of {@link serveWitness}. */
export interface ServeWitnessOptions {
  readonly data: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  /** Rate at which the token bucket of one address refills, requests per second. */
  readonly perSecond: number;
}

/** A witness that runs until {@link RunningWitness.stop}. */
export interface RunningWitness {
  readonly url: string;
  readonly vkeys: readonly Vkey[];
  stop(): Promise<void>;
}

/** Interval at which the list of logs is checked for changes, ms. */
const RELOAD_MS = 1_000;
/** Size of the token bucket: the seconds in which it refills. */
const BURST_SECONDS = 5;

/**
 * Serves the witness of a data folder, which it locks. Logs to stderr.
 * Throws `usage`, `bad-key-file`, `storage-locked`, `bad-policy`.
 */
export async function serveWitness(options: ServeWitnessOptions): Promise<RunningWitness> {
  const logger = stderrLogger();
  const listen = parseListen(options.listen);
  const folder = new WitnessFolder(options.data);
  const cosigners = await folder.openCosigners();
  const lock = await lockFolder(folder.path);
  try {
    await removeUnfinished(folder.cosigned);
    const logs = await folder.readLogs();
    const witness = new Witness({ folder: folder.cosigned, cosigners, logs, now: Date.now });
    const { perSecond } = options;
    const requestErrors = new RequestErrorLog(logger, Date.now);
    const app = createWitnessApp({
      witness,
      metrics: new WitnessMetrics(),
      now: Date.now,
      budget: { perSecond, burst: perSecond * BURST_SECONDS },
      addressOf: remoteAddress,
      onError: (error) => requestErrors.failed(error, {}),
    });
    const server = await serveApp(app, listen);
    const reload = (): void => {
      folder.readLogs().then(
        (changed) => {
          witness.replaceLogs(changed);
          logger.info({ logs: changed.size }, 'reloaded the list of logs');
        },
        (error: unknown) => logger.error(describe(error), 'could not read the list of logs: keeping the old one'),
      );
    };
    watchFile(folder.logs, { interval: RELOAD_MS }, reload);
    logger.info({ url: server.url, logs: logs.size }, 'witnessing');
    const stop = async (): Promise<void> => {
      logger.info('stopping');
      unwatchFile(folder.logs, reload);
      await server.close();
      await lock.release();
    };
    return { url: server.url, vkeys: witness.vkeys, stop };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function describe(error: unknown): { readonly code: string | undefined; readonly error: string } {
  const code = isGlasskeyError(error) ? error.code : undefined;
  return { code, error: error instanceof Error ? error.message : String(error) };
}
