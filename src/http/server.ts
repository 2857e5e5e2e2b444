import type { Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { type AppOptions, createApp } from './app.ts';
import { prepareDrain } from './drain.ts';
import { listenError } from './listen-error.ts';
import { handleInTurn } from './turns.ts';
import { UNSENT_BOUNDS, UnsentAnswers } from './unsent-answers.ts';

/** Bounds on connections. Sizes in bytes, times in ms. */
const HEADER_BYTES = 16 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Above the 60 s of most load balancers: one that reuses a connection while we close it answers its client 502. */
export const KEEP_ALIVE_MS = 75_000;
const MAX_CONNECTIONS = 4_096;
const MAX_REQUESTS_PER_SOCKET = 10_000;
/** Longest wait of a shutdown for requests in flight. */
const DRAIN_MS = 10_000;

/** Options of {@link startServer}. */
export interface ServerOptions extends AppOptions {
  /** Port 0 takes any free port. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Serves TLS with these files; undefined: plain HTTP, for a proxy in front. */
  readonly tls?: TlsFiles | undefined;
  /** Time after which a connection without a request is closed, ms. Default: 75,000. */
  readonly keepAliveMs?: number | undefined;
}

/** A certificate with its chain, and its private key: PEM. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A listening server. */
export interface ApiServer {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /**
   * Uses another certificate for later connections. Does nothing without TLS. Throws `usage` if the files do not fit.
   */
  replaceTls(files: TlsFiles): void;
  /** Stops accepting connections, closes idle ones, waits at most 10 s for requests in flight, and closes. */
  close(): Promise<void>;
}

/** Starts to serve the API. Throws `usage` if it cannot listen on the address. */
export async function serveApi(options: ServerOptions): Promise<ApiServer> {
  return serveApp(createApp(options), options.listen, options.tls, options.keepAliveMs);
}

/** Starts to serve an application, with bounded connections. Throws `usage` if it cannot listen on the address. */
export async function serveApp(
  app: Pick<Hono, 'fetch'>,
  listen: ServerOptions['listen'],
  tls?: TlsFiles,
  keepAliveMs = KEEP_ALIVE_MS,
): Promise<ApiServer> {
  const { host, port } = listen;
  const server = await new Promise<Server>((resolve, reject) => {
    const common = { fetch: app.fetch, hostname: host, port };
    const serverOptions = { maxHeaderSize: HEADER_BYTES };
    const options =
      tls === undefined
        ? { ...common, serverOptions }
        : {
            ...common,
            createServer: createTlsServer,
            serverOptions: { ...serverOptions, ...secured(tls), handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
          };
    const started = serve(options, () => resolve(started as Server));
    started.once('error', (cause) => reject(listenError(host, port, cause)));
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = keepAliveMs;
  server.maxConnections = MAX_CONNECTIONS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  UnsentAnswers.of(server, UNSENT_BOUNDS);
  handleInTurn(server);
  const drain = prepareDrain(server);
  const url = urlOf(server.address(), tls === undefined ? 'http' : 'https');
  const replaceTls = (files: TlsFiles): void => {
    if (server instanceof TlsServer) server.setSecureContext(secured(files));
  };
  return { url, replaceTls, close: () => close(server, drain) };
}

/** Requests client certificates and accepts any signer: only EST reads them, and verifies them itself. */
function secured({ certificate, key }: TlsFiles) {
  try {
    createSecureContext({ cert: certificate, key });
  } catch (cause) {
    throw new GlasskeyError('usage', 'cannot use the TLS certificate and its key', { cause });
  }
  return { cert: certificate, key, minVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: false } as const;
}

function urlOf(address: AddressInfo | string | null, scheme: 'http' | 'https'): string {
  ensure(address !== null && typeof address === 'object', 'internal', 'the server has no address');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${scheme}://${host}:${address.port}`;
}

function close(server: Server, drain: () => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    drain();
  });
}
