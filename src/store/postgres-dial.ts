import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, rootCertificates } from 'node:tls';
import { GlasskeyError } from '../core/errors.ts';
import type { DatabaseAddress, DatabaseHost } from './connection-string.ts';
import { PostgresWire } from './postgres-wire.ts';

/** `SSLRequest` (55.7). */
const SSL_REQUEST = 80_877_103;

/** Opens a connection to one server, with TLS as the address asks for it. The caller aborts it if it takes too long. */
export async function dial(address: DatabaseAddress, host: DatabaseHost, signal: AbortSignal): Promise<Socket> {
  const plain = await opened(host, signal);
  if (host.socket !== undefined) {
    if (address.tls === 'disable' || address.tls === 'prefer') return plain;
    plain.destroy();
    throw new GlasskeyError('usage', 'the database URL asks for TLS on a Unix socket, which has none');
  }
  if (address.tls === 'disable') return plain;
  try {
    return (await offersTls(plain)) ? await secured(plain, address, host) : unprotected(plain, address);
  } catch (error) {
    plain.destroy();
    throw error;
  }
}

function opened({ host, port, socket: path }: DatabaseHost, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = path === undefined ? connect({ host, port }) : connect({ path });
    const stop = (): void => void socket.destroy(new Error('ended'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', stop));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // Whoever reads next has listeners of their own; until then an error must not end the process.
      socket.on('error', () => {});
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

async function offersTls(socket: Socket): Promise<boolean> {
  const wire = new PostgresWire(socket);
  const request = Buffer.alloc(4);
  request.writeUInt32BE(SSL_REQUEST);
  wire.send('', request);
  const answer = await wire.readSoleByte();
  wire.detach(Buffer.alloc(0));
  return answer === 'S';
}

function unprotected(socket: Socket, { tls }: DatabaseAddress): Socket {
  if (tls === 'prefer') return socket;
  throw new Error(`sslmode=${tls}, and the server offers no TLS`);
}

async function secured(socket: Socket, address: DatabaseAddress, { host }: DatabaseHost): Promise<Socket> {
  const { tls, clientCertificate, rootCertificates: roots } = address;
  const isVerified = tls === 'verify-ca' || tls === 'verify-full';
  const options = {
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: isVerified,
    ...(isVerified && { ca: roots === undefined ? [...rootCertificates] : await fileOf('sslrootcert', roots) }),
    ...(tls === 'verify-ca' && { checkServerIdentity: () => undefined }),
    ...(clientCertificate !== undefined && {
      cert: await fileOf('sslcert', clientCertificate.certificate),
      key: await fileOf('sslkey', clientCertificate.key),
    }),
  };
  return new Promise((resolve, reject) => {
    const upgraded = connectTls(options);
    upgraded.once('error', reject);
    upgraded.once('close', () => reject(new Error('the connection ended in the TLS handshake')));
    upgraded.once('secureConnect', () => {
      upgraded.off('error', reject);
      upgraded.on('error', () => {});
      resolve(upgraded);
    });
  });
}

async function fileOf(parameter: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new GlasskeyError('usage', `cannot read the ${parameter} of the database URL: ${path}`, { cause });
  }
}
