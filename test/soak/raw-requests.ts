import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Attackers come from an address of their own, so that limits of one address do not hit honest clients. */
const ATTACKER_ADDRESS = '127.0.0.66';
/** An attacker waits no longer for an answer, ms. */
const PATIENCE_MS = 15_000;

/** A request as an attacker writes it. */
export interface RawRequest {
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** The bytes of a request (HTTP/1.1). */
export function requestBytes({ path, method = 'POST', headers = {}, body = '' }: RawRequest): Buffer {
  const content = Buffer.from(body);
  const lines = Object.entries({ host: 'localhost', 'content-length': String(content.length), ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`), content]);
}

/** Opens a connection; undefined if the server does not take it. */
export async function dial(url: string): Promise<Socket | undefined> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), localAddress: ATTACKER_ADDRESS });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  try {
    await once(socket, 'connect');
    // The server may close it at any time.
    socket.on('error', () => undefined);
    return socket;
  } catch {
    return undefined;
  }
}

/** Sends one request and reads the answer to its end; returns its status, or undefined if none came. */
export async function ask(url: string, request: RawRequest): Promise<number | undefined> {
  const socket = await dial(url);
  if (socket === undefined) return undefined;
  const headers = { ...request.headers, connection: 'close' };
  // Not `end`: a server takes that for a client that has gone.
  socket.write(requestBytes({ ...request, headers }));
  let first: Buffer | undefined;
  socket.on('data', (chunk: Buffer) => (first ??= chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first?.toString('latin1', 0, 16) ?? '')?.[1]);
  return Number.isNaN(status) ? undefined : status;
}
