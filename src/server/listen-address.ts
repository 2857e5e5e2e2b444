import { createServer, type AddressInfo } from 'node:net';
import { ensure } from '../core/errors.ts';
import { listenError } from '../http/listen-error.ts';

/** An address to listen on. Port 0 stands for any free port. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port`, with IPv6 hosts in brackets. Throws `usage`. */
export function parseListen(text: string): ListenAddress {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  ensure(
    host !== undefined && Number(port) <= 65_535,
    'usage',
    `not an address to listen on, such as 127.0.0.1:8080: ${text}`,
  );
  return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) };
}

/** Returns the URL under which a program on this machine reaches an address. */
export function urlOf({ host, port }: ListenAddress): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/**
 * Listens on an address for a moment, so that a port that is taken is known before a database is opened. Returns the
 * address, with a free port in place of port 0. Throws `usage`.
 */
export function tryListening({ host, port }: ListenAddress): Promise<ListenAddress> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', (cause) => reject(listenError(host, port, cause)));
    probe.listen({ port, host, exclusive: true }, () => {
      const { port: found } = probe.address() as AddressInfo;
      probe.close(() => resolve({ host, port: found }));
    });
  });
}
