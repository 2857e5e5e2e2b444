import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { GlasskeyError } from '../core/errors.ts';

/** The end of a connection: a name that TLS has to show, at an address that was judged. */
export interface EgressEnd {
  /** The host as the URL names it; an IPv6 address without brackets. */
  readonly host: string;
  /** The IP address to connect to. */
  readonly address: string;
  readonly port: number;
}

/** The operator's own way out. */
export interface EgressWay {
  /** An HTTP proxy that takes CONNECT; undefined: none. */
  readonly proxy: URL | undefined;
  /** CAs of servers; undefined: those of the platform. */
  readonly ca: readonly string[] | undefined;
}

/**
 * Opens TLS to exactly `end.address`. The certificate has to name `end.host`. Through a proxy, the proxy is asked for
 * the address and never for the name, which it would resolve anew. Aborting `signal` ends the connection at any point.
 */
export async function openEgress(end: EgressEnd, { proxy, ca }: EgressWay, signal: AbortSignal): Promise<TLSSocket> {
  const options: ConnectionOptions = {
    ...(isIP(end.host) === 0 ? { servername: end.host } : {}),
    ...(ca === undefined ? {} : { ca: [...ca] }),
    checkServerIdentity: (_, certificate) => checkServerIdentity(end.host, certificate),
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  };
  const target = proxy === undefined ? { host: end.address, port: end.port } : await tunnelTo(end, proxy, signal);
  const socket = connect({ ...options, ...target });
  const stop = (): void => void socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', stop));
  if (signal.aborted) stop();
  return socket;
}

async function tunnelTo(end: EgressEnd, proxy: URL, signal: AbortSignal): Promise<{ readonly socket: Duplex }> {
  return { socket: await openTunnel(end, proxy, signal) };
}

/** Asks the proxy for a tunnel (RFC 9110 §9.3.6). Throws `network-failed`. */
function openTunnel({ address, port }: EgressEnd, proxy: URL, signal: AbortSignal): Promise<Duplex> {
  const authority = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  const isTls = proxy.protocol === 'https:';
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const headers = {
    host: authority,
    ...(credentials === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }),
  };
  return new Promise((resolve, reject) => {
    const refuse = (socket?: Duplex): void => {
      socket?.destroy();
      reject(new GlasskeyError('network-failed', 'the egress proxy opened no tunnel'));
    };
    const outgoing = (isTls ? tlsRequest : plainRequest)({
      method: 'CONNECT',
      host: proxy.hostname.replaceAll(/^\[|\]$/g, ''),
      port: proxy.port === '' ? (isTls ? 443 : 80) : Number(proxy.port),
      path: authority,
      headers,
      agent: false,
      signal,
    });
    outgoing.on('connect', (response, socket, head) => {
      // Nobody speaks before our ClientHello. Bytes here are the proxy's own.
      if (response.statusCode !== 200 || head.length > 0) refuse(socket);
      else {
        socket.on('error', () => socket.destroy());
        resolve(socket);
      }
    });
    outgoing.on('response', ({ socket }) => refuse(socket));
    outgoing.on('error', () => refuse());
    outgoing.on('close', () => refuse());
    outgoing.end();
  });
}
