import { serverBase } from '../client/transport.ts';
import { fingerprint } from '../contract/bundle-signature.ts';
import { KEYTRANS_MEDIA_TYPE } from '../contract/media-types.ts';
import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import { AUDITOR_PATHS } from '../contract/paths.ts';
import { ensure } from '../core/errors.ts';
import type { AuditorTreeHead } from '../core/keytrans/tree-head.ts';
import { platformFetch } from '../core/net/bounded-fetch.ts';
import { AuditorSource } from '../service/auditor/auditor-source.ts';
import type { LogContext } from '../service/log/log-context.ts';
import { LogService } from '../service/log-service.ts';
import { adoptReleased, assertLastSignedKnown } from '../service/sequencing/rollback-check.ts';
import type { StoreTarget } from '../store/open-store.ts';
import { databaseToServe } from './choose-database.ts';
import { DataFolder } from './data-folder.ts';
import { EventLog } from './event-log.ts';
import { initialise } from './init.ts';
import { type ListenAddress, parseListen, tryListening, urlOf } from './listen-address.ts';
import { type OpenServer, openServer } from './open-server.ts';
import type { Member } from './processes/member.ts';
import { type LiveSettings, Reloader } from './reload.ts';
import { type LiveServer, serveLive } from './serve-live.ts';
import { describeError, type Logger, stderrLogger } from './service-logger.ts';
import { readSettings, type ServerSettings } from './settings/server-settings.ts';
import { waitUntilFresh } from './wait-until-fresh.ts';

/** Options of {@link startServer}. */
export interface StartServerOptions {
  /** The data folder, as `glasskey init` or `initialise` creates it. */
  readonly data: string;
  /** `host:port`; port 0 takes a free one. Default: `127.0.0.1:8080`. */
  readonly listen?: string | undefined;
  /**
   * `host:port` of a listener for operators. `listen` then serves no metrics and no reasons of readiness. Default: no
   * such listener.
   */
  readonly adminListen?: string | undefined;
  /**
   * `postgres://…`, or the place of an embedded database. Default: the one that GLASSKEY_DATABASE, `glasskey.toml` or
   * `log.json` names; with `dev`, else the embedded one in the folder.
   */
  readonly database?: StoreTarget | undefined;
  /** True to use the embedded database in the folder, which is for trying out. Default: false. */
  readonly embedded?: boolean | undefined;
  /** True for development: initialises an empty folder, and certificates point to `listen`. Default: false. */
  readonly dev?: boolean | undefined;
  /** True to append although the last entry is over a day old. Check the clock first. Default: false. */
  readonly acceptClockGap?: boolean | undefined;
  /**
   * True to sign on a host without `last-signed.checkpoint`, although the log has released heads. Check that the
   * database is the newest one first. Default: false.
   */
  readonly acceptMissingCheckpoint?: boolean | undefined;
  /** URL of the third-party auditor, to fetch its heads. Default: the auditor posts them. */
  readonly auditor?: string | undefined;
  /** The part of this process if several serve the log on one address. Default: it is alone. */
  readonly member?: Member | undefined;
  /** Receives log lines, in pino's form. Default: JSON lines on stderr. */
  readonly logger?: Logger | undefined;
}

/** A server that runs until {@link RunningServer.stop}. */
export interface RunningServer {
  /** The URL on which it listens: `http://host:port`, or `https://host:port` with TLS in the settings. */
  readonly url: string;
  /** The fingerprint of the trust bundle at the start, for people to compare. */
  readonly fingerprint: string;
  /** The URL of the listener for operators; undefined if there is none. */
  readonly adminUrl: string | undefined;
  /** Reloads settings, issuing CAs and trust bundle. On an error, logs it and changes nothing: never rejects. */
  reload(): Promise<void>;
  /** Refuses new requests, finishes those under way for at most 10 s, and closes the log and its database. */
  stop(): Promise<void>;
}

/**
 * Serves a data folder over HTTP, as `glasskey serve` does, until the caller stops it. Installs no signal handlers.
 * Throws the errors of {@link openServer}. Also throws `usage` if it cannot listen on the address, which it tries
 * first, or if nothing names a database, `storage-failed` if the folder cannot be written, `log-rolled-back` if
 * `last-signed.checkpoint` is missing, `clock-skew` if the log was stopped for over a day, and with `dev`
 * `storage-locked` if another process initialises the folder.
 */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const { data, dev = false, logger = stderrLogger(), member } = options;
  const listen = member?.part.listen ?? options.listen ?? '127.0.0.1:8080';
  const folder = new DataFolder(data);
  const asked = parseListen(listen);
  // The parent of several processes has tried it for all.
  const tried = member === undefined ? await tryListening(asked) : asked;
  // Certificates of a development log name the port, so it must be known before the log is opened.
  const address = dev ? tried : asked;
  const isOwn = options.adminListen !== undefined && member === undefined;
  const adminAddress = isOwn ? parseListen(options.adminListen) : undefined;
  if (adminAddress !== undefined) await tryListening(adminAddress);
  const auditorUrl = options.auditor === undefined ? undefined : serverBase(options.auditor) + AUDITOR_PATHS.head;
  if (dev && !folder.isComplete) {
    const defaults = { suite: 'ed25519', origin: undefined, caKey: 'p256' } as const;
    await initialise({ data, ...defaults, publicUrl: urlOf(address), dev: true, nowMs: Date.now() });
    logger.info({ data }, 'initialised for development');
  }
  const settings = await readSettings(folder);
  const open = await openServer({
    data,
    database: await databaseToServe(folder, { database: options.database, embedded: options.embedded, dev }),
    creates: true,
    profiles: settings.profiles,
    evidence: settings.evidence,
    processNumber: member?.part.number,
    budgets: member?.budgets,
    ...(dev ? { listensAt: urlOf(address) } : {}),
    observe: new EventLog(logger).observe,
  });
  for (const warning of open.warnings) logger.warn(warning);
  // Development logs often stop overnight, and nobody relies on their clock.
  const acceptClockGap = options.acceptClockGap === true || dev;
  const acceptMissingCheckpoint = options.acceptMissingCheckpoint === true || dev;
  return startLog({
    folder,
    open,
    settings,
    address,
    adminAddress,
    auditorUrl,
    acceptClockGap,
    acceptMissingCheckpoint,
    logger,
    member,
  });
}

/** An open log, and how to serve it. */
interface ServedLog {
  readonly folder: DataFolder;
  readonly open: OpenServer;
  readonly settings: ServerSettings;
  readonly address: ListenAddress;
  readonly adminAddress: ListenAddress | undefined;
  readonly auditorUrl: string | undefined;
  readonly acceptClockGap: boolean;
  readonly acceptMissingCheckpoint: boolean;
  readonly logger: Logger;
  readonly member: Member | undefined;
}

async function startLog({ folder, open, settings, logger, ...served }: ServedLog): Promise<RunningServer> {
  const service = new LogService(open.context, {
    acceptClockGap: served.acceptClockGap,
    notify: { settings: settings.notify },
  });
  const live: LiveSettings = { trustBundle: open.trustBundle, ...settings };
  const reloader = new Reloader(folder, open, service, live);
  let auditor: AuditorSource | undefined;
  try {
    await checkLastSigned(open.context, served.acceptMissingCheckpoint);
    await service.start();
    auditor = served.auditorUrl === undefined ? undefined : followAuditor(service, served.auditorUrl);
    if (!(await waitUntilFresh(service))) logger.warn('the log has no fresh head: clients refuse its answers');
    const { address: listen, adminAddress: adminListen, member } = served;
    const server = await serveLive({ open, service, live, listen, adminListen, logger, member });
    const { url, adminUrl } = server;
    logger.info({ origin: open.config.origin, url, adminUrl, database: open.store.kind }, 'serving');
    const stop = async (): Promise<void> => {
      logger.info('stopping');
      await server.close();
      await auditor?.stop();
      await service.stop();
      await reloader.close();
      await open.close();
    };
    const bundle = fingerprint(parseTrustBundle(open.trustBundle).bundle);
    return { url, adminUrl, fingerprint: bundle, reload: () => reload(reloader, server, live, logger), stop };
  } catch (error) {
    await auditor?.stop();
    await service.stop();
    await open.close();
    throw error;
  }
}

/** Checks that this host knows what it has signed, and can write down what it will sign. */
async function checkLastSigned(context: LogContext, acceptMissing: boolean): Promise<void> {
  await context.lastSigned?.assertWritable();
  if (acceptMissing) await adoptReleased(context);
  await assertLastSignedKnown(context);
}

async function reload(reloader: Reloader, server: LiveServer, live: LiveSettings, logger: Logger): Promise<void> {
  try {
    await reloader.reload();
    if (live.tls !== undefined) server.replaceTls(live.tls);
    logger.info('reloaded');
  } catch (error) {
    logger.error({ error: describeError(error) }, 'reload refused: everything stays as it was');
  }
}

/** Fetches the auditor's heads. Throws `usage` if the log has no auditor. */
function followAuditor({ context, auditor }: LogService, url: string): AuditorSource {
  const isAudited = context.configuration.mode === 'thirdPartyAuditing';
  ensure(isAudited, 'usage', 'this log has no third-party auditor: start without the URL of one');
  const { observe } = context;
  const { pollMs, maxBackoffMs } = context.limits;
  const accept = (head: AuditorTreeHead): Promise<void> => auditor.accept(head);
  return new AuditorSource({
    url,
    mediaType: KEYTRANS_MEDIA_TYPE,
    fetch: platformFetch,
    accept,
    observe,
    pollMs,
    maxBackoffMs,
  });
}
