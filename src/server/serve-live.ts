import { readExplorer } from '../http/explorer-files.ts';
import { createOperatorApp, ownState } from '../http/operator-routes.ts';
import { type ApiServer, serveApi, serveApp } from '../http/server.ts';
import type { LogService } from '../service/log-service.ts';
import type { ListenAddress } from './listen-address.ts';
import type { OpenServer } from './open-server.ts';
import type { LiveSettings } from './reload.ts';
import type { Member } from './processes/member.ts';
import { RequestErrorLog } from './request-error-log.ts';
import type { Logger } from './service-logger.ts';

/** A log that is served, and where. */
interface Served {
  readonly open: OpenServer;
  readonly service: LogService;
  readonly live: LiveSettings;
  readonly listen: ListenAddress;
  /** Where operators are served; undefined: where everybody is. */
  readonly adminListen: ListenAddress | undefined;
  readonly logger: Logger;
  /** The other processes that serve the log on the same address; undefined if this one is alone. */
  readonly member: Member | undefined;
}

/** The listeners of a log. */
export interface LiveServer extends ApiServer {
  /** The URL of the listener for operators; undefined if there is none. */
  readonly adminUrl: string | undefined;
}

/** Starts the HTTP servers of a log, which read the live settings for every request. Throws `usage`. */
export async function serveLive(served: Served): Promise<LiveServer> {
  const { open, service, live, listen, adminListen, logger, member } = served;
  const requestErrors = new RequestErrorLog(logger, Date.now);
  const own = { service, metrics: open.metrics, ping: () => open.store.ping() };
  member?.provide(ownState(own));
  const operated = { ...own, all: member };
  const admin = adminListen && (await serveApp(createOperatorApp(operated), adminListen));
  try {
    const api = await serveApi({
      ...operated,
      hasOperatorListener: admin !== undefined || member?.part.hasOperatorListener === true,
      documents: {
        root: open.root,
        issuer: open.context.keys.issuer.certificate.der,
        get trustBundle() {
          return live.trustBundle;
        },
      },
      rateLimits: () => live.clients,
      certificateHeader: () => live.certificateHeader,
      acme: () => live.acme,
      tls: live.tls,
      onError: (error, method, route, request) => requestErrors.failed(error, { method, route, request }),
      listen,
      keepAliveMs: live.keepAliveMs,
      explorer: live.explorer ? readExplorer() : undefined,
    });
    const close = async (): Promise<void> => {
      await api.close();
      await admin?.close();
    };
    return { ...api, adminUrl: admin?.url, close };
  } catch (error) {
    await admin?.close();
    throw error;
  }
}
