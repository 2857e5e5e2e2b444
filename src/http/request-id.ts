import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';

const PROCESS = randomBytes(6).toString('hex');
const ids = new WeakMap<Request, string>();
let count = 0;

/**
 * Returns the server's own id of a request, for its log, the trail and the answer's `x-request-id`. Unlike an id that a
 * client or a proxy sends, it is unique and nobody else chose it.
 */
export function requestIdOf({ req }: Pick<Context, 'req'>): string {
  const known = ids.get(req.raw);
  if (known !== undefined) return known;
  const id = `${PROCESS}-${(++count).toString(36)}`;
  ids.set(req.raw, id);
  return id;
}
