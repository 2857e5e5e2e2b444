import cluster from 'node:cluster';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { stateApp } from '../../http/operator-routes.ts';
import { serveApp } from '../../http/server.ts';
import { databaseToServe } from '../choose-database.ts';
import { DataFolder } from '../data-folder.ts';
import { parseListen, tryListening } from '../listen-address.ts';
import type { StartServerOptions } from '../start-server.ts';
import { Fleet } from './fleet.ts';

/** Options of {@link startProcesses}. */
export interface ProcessesOptions extends StartServerOptions {
  /** From 2. */
  readonly processes: number;
  readonly logger: NonNullable<StartServerOptions['logger']>;
}

/** Several processes that serve. */
export interface RunningProcesses {
  readonly url: string;
  readonly adminUrl: string | undefined;
  readonly fingerprint: string;
  reload(): void;
  stop(): Promise<void>;
}

/**
 * Serves a data folder by several processes on one address; each runs this program again. Throws `usage` for an
 * embedded database, which one process only can open, and `storage-failed` if the first process does not come up: it
 * has said why on stderr.
 */
export async function startProcesses(options: ProcessesOptions): Promise<RunningProcesses> {
  const { data, listen = '127.0.0.1:8080', database, embedded, dev = false, processes: count, logger } = options;
  const target = await databaseToServe(new DataFolder(data), { database, embedded, dev });
  const advice = 'leave --processes out, or name a PostgreSQL in GLASSKEY_DATABASE or glasskey.toml';
  ensure(typeof target === 'string', 'usage', `only one process can open an embedded database: ${advice}`);
  const { host, port } = await tryListening(parseListen(listen));
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const hasOperatorListener = options.adminListen !== undefined;
  cluster.setupPrimary({ exec: process.argv[1], args: process.argv.slice(2) });
  const fleet = new Fleet({ count, listen: address, hasOperatorListener, logger });
  const admin =
    options.adminListen === undefined ? undefined : await serveApp(stateApp(fleet), parseListen(options.adminListen));
  const served = await fleet.start();
  if (served === undefined) {
    await admin?.close();
    throw new GlasskeyError('storage-failed', 'the first process did not start: it says why above');
  }
  const stop = async (): Promise<void> => {
    await fleet.stop();
    await admin?.close();
  };
  return { ...served, adminUrl: admin?.url, reload: () => fleet.reload(), stop };
}
