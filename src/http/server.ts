import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { type AppOptions, createApp } from './app.ts';

export { createApp, type AppOptions } from './app.ts';
export { Metrics } from './metrics.ts';

/** Bounds on connections. Sizes in bytes, times in ms. */
const HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 30_000;
const MAX_CONNECTIONS = 4_096;
const MAX_REQUESTS_PER_SOCKET = 10_000;
/** How long a shutdown waits for requests that are under way. */
const DRAIN_MS = 10_000;

/** How to serve. */
export interface ServerOptions extends AppOptions {
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
}

/** A server that answers. */
export interface RunningServer {
  /** Where it listens: `http://host:port`. */
  readonly url: string;
  /** Stops accepting, lets requests that are under way finish (for 10 s at most), and closes. */
  close(): Promise<void>;
}

/** Starts to serve the API. Throws `usage` where the address cannot be used. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  return serveApp(createApp(options), options.listen);
}

/** Starts to serve an application, within bounds. Throws `usage` where the address cannot be used. */
export async function serveApp(app: Pick<Hono, 'fetch'>, listen: ServerOptions['listen']): Promise<RunningServer> {
  const { host, port } = listen;
  const server = await new Promise<Server>((resolve, reject) => {
    const started = serve(
      { fetch: app.fetch, hostname: host, port, serverOptions: { maxHeaderSize: HEADER_BYTES } },
      () => resolve(started as Server),
    );
    started.once('error', (cause) => {
      reject(new GlasskeyError('usage', `cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
    });
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  return { url: urlOf(server.address()), close: () => close(server) };
}

function urlOf(address: AddressInfo | string | null): string {
  ensure(address !== null && typeof address === 'object', 'internal', 'the server has no address');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
