import { GlasskeyError } from '../core/errors.ts';

/** Returns the error of a server that cannot listen on an address, with what to look for. */
export function listenError(host: string, port: number, cause: NodeJS.ErrnoException): GlasskeyError {
  return new GlasskeyError('usage', `cannot listen on ${host}:${port}: ${reasonOf(port, cause)}`, { cause });
}

function reasonOf(port: number, { code = '', message }: NodeJS.ErrnoException): string {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `another process listens there; "ss -ltnp sport = :${port}" or "lsof -i :${port}" names it`,
    EADDRNOTAVAIL: 'this machine has no such address; "ip address" lists those that it has',
    EACCES: 'this user may not use that port; listen on one above 1023, behind a proxy',
  };
  const reason = reasons[code];
  return reason === undefined ? message : `${reason} (${code})`;
}
