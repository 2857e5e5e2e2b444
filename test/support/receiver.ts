import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLS_PAIR } from './tls-pair.ts';

/** A request as a receiver got it. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A real HTTPS server on loopback, with the certificate of `keys.example`: a webhook's receiver, or a push service. */
export interface Receiver {
  readonly port: number;
  readonly received: Received[];
  /** Number of connections that it has had. */
  connections(): number;
  /** Answers from now on. */
  answer: (response: ServerResponse, request: Received) => void;
  close(): Promise<void>;
}

/** Starts a receiver at `address`. It answers 200 until it is told otherwise; `plain`: without TLS. */
export async function startReceiver({ address = '127.0.0.1', plain = false, pair = TLS_PAIR } = {}): Promise<Receiver> {
  const received: Received[] = [];
  let connections = 0;
  const receiver: Pick<Receiver, 'answer'> = { answer: (response) => void response.end('ok') };
  const server: Server = plain ? createServer() : createTlsServer({ key: pair.key, cert: pair.certificate });
  server.on('connection', () => connections++);
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('end', () => {
      const whole = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) };
      received.push(whole);
      receiver.answer(response, whole);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, () => resolve()));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, { port, received, connections: () => connections, close });
}
