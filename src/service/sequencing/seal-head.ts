import { ensure } from '../../core/errors.ts';
import type { LogContext } from '../log/log-context.ts';
import { checkLog } from './self-check.ts';

/**
 * Seals the head that an older program left, once the log's own signatures prove it: no head that somebody else wrote
 * gets a seal. Returns false if a server has appended meanwhile. Throws `unsealed-row` for a head that was not
 * released, and what {@link checkLog} throws.
 */
export async function sealHead(context: LogContext): Promise<boolean> {
  const { store } = context;
  const { head, logEnd } = await store.readUnsealedHead();
  const released = await store.readReleased();
  const message = `the head of size ${head.size} has no valid seal, and the log has not released it`;
  const advice = 'the entries after the last released head may be forged; a head that is released can be sealed';
  ensure(released?.size === head.size, 'unsealed-row', `${message}: ${advice}`);
  await checkLog(context, head, released);
  return store.sealHead(head, logEnd);
}
