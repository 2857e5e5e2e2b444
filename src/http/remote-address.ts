import { isIPv6 } from 'node:net';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';

/** The address at the other end of a request's connection, `''` where it is gone. Behind a proxy: the proxy's. */
export function remoteAddress(c: Context): string {
  return getConnInfo(c).remote.address ?? '';
}

/** IPv4 in its own form, also where a socket of IPv6 took the connection. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

/**
 * The key under which requests of an untrusted {@link plainAddress} are counted: one subscriber has a whole /64 of IPv6. What
 * is no address, as behind a broken proxy, shares one key.
 */
export function clientKey(address: string): string {
  if (!isIPv6(address)) return /^[0-9.]{7,15}$/.test(address) ? address : '?';
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: Math.max(missing, 0) }, () => '0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
