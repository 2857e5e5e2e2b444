import { createServer, type AddressInfo } from 'node:net';
import { ensure, GlasskeyError } from '../core/errors.ts';

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

/** Replaces port 0 by a port that is free now: certificates name it, so it is needed before the log is opened. */
export async function withFreePort({ host, port }: ListenAddress): Promise<ListenAddress> {
  if (port !== 0) return { host, port };
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', (cause) => {
      reject(new GlasskeyError('usage', `cannot listen on ${host}: ${cause.message}`, { cause }));
    });
    probe.listen(0, host, () => {
      const { port: free } = probe.address() as AddressInfo;
      probe.close(() => resolve({ host, port: free }));
    });
  });
}
