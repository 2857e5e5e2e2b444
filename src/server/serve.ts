import { createServer, type AddressInfo } from 'node:net';
import { type BaseLogger, pino } from 'pino';
import { serverBase } from '../client/transport.ts';
import { KEYTRANS_MEDIA_TYPE } from '../contract/media-types.ts';
import { AUDITOR_PATHS } from '../contract/paths.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import type { AuditorTreeHead } from '../core/keytrans/tree-head.ts';
import { startServer } from '../http/server.ts';
import { AuditorSource } from '../service/auditor/auditor-source.ts';
import { LogService } from '../service/log-service.ts';
import type { ServiceEvent } from '../service/service-event.ts';
import { DataFolder } from './data-folder.ts';
import { initialise } from './init.ts';
import { readSettings } from './settings/server-settings.ts';
import { openServer } from './open-server.ts';
import { type LiveSettings, Reloader } from './reload.ts';
import { waitUntilFresh } from './wait-until-fresh.ts';

/** What `glasskey serve` is told. */
export interface ServeOptions {
  readonly data: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly database: string | undefined;
  /** Initialise where needed, with the address as public URL. */
  readonly dev: boolean;
  /** Accept that the clock is far ahead of the last entry: for a log that was stopped for long. */
  readonly acceptClockGap: boolean;
  /** URL of the log's third-party auditor, whose heads are fetched; undefined: it hands them over itself. */
  readonly auditor?: string | undefined;
}

/** A server that runs until {@link RunningService.stop}. */
export interface RunningService {
  readonly url: string;
  /** Reads settings, issuing CAs and trust bundle anew; what does not fit is logged, and changes nothing. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

/** Serves a data folder. Logs to stderr; what a client sent, and who it is, is not logged. */
export async function serve(options: ServeOptions): Promise<RunningService> {
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  const listen = parseListen(options.listen);
  const folder = new DataFolder(options.data);
  if (options.dev) listen.port ||= await freePort(listen.host);
  const auditorUrl = options.auditor === undefined ? undefined : serverBase(options.auditor) + AUDITOR_PATHS.head;
  const listensAt = urlOf(listen);
  if (options.dev && !folder.isComplete) {
    const defaults = { suite: 'ed25519', origin: undefined, caKey: 'p256' } as const;
    await initialise({ data: options.data, ...defaults, publicUrl: listensAt, dev: true, nowMs: Date.now() });
    logger.info({ data: options.data }, 'initialised for development');
  }
  const settings = await readSettings(folder);
  const open = await openServer({
    data: options.data,
    database: options.database,
    profiles: settings.profiles,
    evidence: settings.evidence,
    ...(options.dev ? { listensAt } : {}),
    observe: (event) => logEvent(logger, event),
  });
  for (const warning of open.warnings) logger.warn(warning);
  // A development log is stopped overnight all the time; nobody relies on its clock.
  const acceptClockGap = options.acceptClockGap || options.dev;
  const service = new LogService(open.context, { acceptClockGap });
  let auditor: AuditorSource | undefined;
  const live: LiveSettings = { trustBundle: open.trustBundle, ...settings };
  const reloader = new Reloader(folder, open, service, live);
  try {
    await service.start();
    auditor = auditorUrl === undefined ? undefined : followAuditor(service, auditorUrl);
    if (!(await waitUntilFresh(service)))
      logger.warn('the log has no fresh head: clients will refuse what is answered');
    const server = await startServer({
      service,
      documents: {
        root: open.root,
        issuer: open.context.keys.issuer.certificate.der,
        get trustBundle() {
          return live.trustBundle;
        },
      },
      metrics: open.metrics,
      rateLimits: () => live.clients,
      certificateHeader: () => live.certificateHeader,
      tls: live.tls,
      ping: () => open.store.ping(),
      onError: (error, method, route, request) => logError(logger, error, { method, route, request }),
      listen,
    });
    logger.info({ origin: open.config.origin, url: server.url, database: open.store.kind }, 'serving');
    const stop = async (): Promise<void> => {
      logger.info('stopping');
      await server.close();
      await auditor?.stop();
      await service.stop();
      await reloader.close();
      await open.close();
    };
    const reload = async (): Promise<void> => {
      try {
        await reloader.reload();
        if (live.tls !== undefined) server.replaceTls(live.tls);
        logger.info('reloaded');
      } catch (error) {
        logger.error({ error: describe(error) }, 'reloading refused: everything stays as it was');
      }
    };
    return { url: server.url, reload, stop };
  } catch (error) {
    await auditor?.stop();
    await service.stop();
    await open.close();
    throw error;
  }
}

/** Fetches the auditor's heads. Throws `usage` in a log without auditor. */
function followAuditor({ context, auditor }: LogService, url: string): AuditorSource {
  const isAudited = context.configuration.mode === 'thirdPartyAuditing';
  ensure(isAudited, 'usage', 'this log has no third-party auditor: its Configuration names none');
  const { observe } = context;
  const { pollMs, maxBackoffMs } = context.limits;
  const accept = (head: AuditorTreeHead): Promise<void> => auditor.accept(head);
  return new AuditorSource({ url, mediaType: KEYTRANS_MEDIA_TYPE, fetch, accept, observe, pollMs, maxBackoffMs });
}

type Logger = Pick<BaseLogger, 'info' | 'warn' | 'error' | 'fatal'>;

function logEvent(logger: Logger, event: ServiceEvent): void {
  if (event.type === 'sequencing-failed')
    logger.error({ error: describe(event.error) }, 'appending failed; trying again');
  if (event.type === 'auditor-failed')
    logger.error({ error: describe(event.error) }, 'the auditor gave no head that can be had; asking again');
  if (event.type === 'self-check-failed')
    logger.fatal({ error: describe(event.error) }, 'the stored log contradicts itself: nothing is signed any more');
  if (event.type === 'rolled-back')
    logger.fatal({ error: describe(event.error) }, 'the database is old or forked: nothing is signed any more');
  if (event.type === 'witness' && event.outcome !== 'cosigned' && event.outcome !== 'resting') {
    const { witness, outcome, detail } = event;
    logger.warn({ witness, outcome, detail }, 'a witness did not cosign');
  }
  if (event.type === 'self-verified' && event.error !== undefined) {
    logger.fatal({ error: describe(event.error) }, 'an own answer does not verify');
  }
  if (event.type === 'mail-failed') logger.error({ reason: event.reason }, 'a mail could not be sent');
  if (event.type === 'recovery-failed')
    logger.error(
      { error: describe(event.error) },
      'a recovery could not be completed, or its owner not be told; trying again',
    );
  if (event.type === 'pruning-failed') logger.error({ error: describe(event.error) }, 'pruning failed; trying again');
  if (event.type === 'writer') logger.info({ holds: event.holds }, 'writer of the log');
}

/** A client's mistakes are its own business; the server's faults are logged. */
function logError(logger: Logger, error: unknown, where: Record<'method' | 'route' | 'request', string>): void {
  const isOurs = !isGlasskeyError(error) || ['storage', 'internal'].includes(error.fault);
  if (isOurs) logger.error({ ...where, error: describe(error) }, 'a request failed');
}

function describe(error: unknown): { code: string | undefined; message: string; cause: string | undefined } {
  const code = isGlasskeyError(error) ? error.code : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
  return { code, message, cause };
}

/** `host:port`, with IPv6 hosts in brackets. Throws `usage`. */
export function parseListen(text: string): { readonly host: string; port: number } {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  ensure(host !== undefined && Number(port) <= 65_535, 'usage', `not an address to listen on: ${text}`);
  return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) };
}

/** The URL of an address, as a program on this machine reaches it. */
function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** A port that is free now: certificates name it, so it has to be known before the log is opened. */
async function freePort(host: string): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', (cause) => {
      reject(new GlasskeyError('usage', `cannot listen on ${host}: ${cause.message}`, { cause }));
    });
    probe.listen(0, host, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
