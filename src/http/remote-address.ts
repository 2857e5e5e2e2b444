import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';

/** The address at the other end of a request's connection, `''` where it is gone. Behind a proxy: the proxy's. */
export function remoteAddress(c: Context): string {
  return getConnInfo(c).remote.address ?? '';
}
