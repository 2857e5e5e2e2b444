import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';

const PROCESS = randomBytes(6).toString('hex');
const ids = new WeakMap<Request, string>();
let count = 0;

/**
 * Our own name for a request, in the server's log, the trail and the answer's `x-request-id`: unlike what a client or a
 * proxy sends under that name, it is unique, and nobody else chose it.
 */
export function requestIdOf({ req }: Pick<Context, 'req'>): string {
  const known = ids.get(req.raw);
  if (known !== undefined) return known;
  const id = `${PROCESS}-${(++count).toString(36)}`;
  ids.set(req.raw, id);
  return id;
}
