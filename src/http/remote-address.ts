import { isIPv6 } from 'node:net';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';

/** Returns the peer's address, or `''` if the connection is gone. Behind a proxy, that is the proxy's address. */
export function remoteAddress(c: Context): string {
  return getConnInfo(c).remote.address ?? '';
}

/** Writes an IPv4-mapped IPv6 address, as an IPv6 socket reports it, in the form of IPv4. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

/**
 * Returns the key of the token bucket for an untrusted {@link plainAddress}. All of an IPv6 /64 shares one, because a
 * subscriber has the whole /64. So does everything that is not an address, such as what a broken proxy sends.
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
