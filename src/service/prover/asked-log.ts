import { ensure } from '../../core/errors.ts';
import type { FullTreeHead } from '../../core/keytrans/tree-head.ts';
import type { LogProgress } from '../log-progress.ts';
import type { ReleasedLog } from '../released-log.ts';

/** The log as one answer shows it. */
export interface AskedLog extends ReleasedLog {
  /** Number of log entries: the released size. */
  readonly size: number;
  /** Size of the tree that the client has verified. */
  readonly last: number | undefined;
  /** The answer's head (KT §11.4). */
  readonly fullTreeHead: FullTreeHead;
  /** Size of the auditor's head in {@link fullTreeHead}, if one is in it. */
  readonly auditedSize: number | undefined;
}

/**
 * The released log for a client that advertises the untrusted size `last`; refreshed where the client has seen more of it
 * than this process. Throws `invalid-request`, and `too-far-behind` where the client has seen more than was released.
 */
export async function askLog(progress: LogProgress, last: number | undefined): Promise<AskedLog> {
  ensure(last !== 0, 'invalid-request', 'there is no tree head of size 0');
  const known = await progress.released();
  const isKnown = last === undefined || last <= known.released.size;
  return forClient(isKnown ? known : await progress.refresh(), last);
}

function forClient(log: ReleasedLog, last: number | undefined): AskedLog {
  const { size, signature } = log.released;
  ensure(last === undefined || last <= size, 'too-far-behind', `this server has released ${size} entries only`);
  const fullTreeHead: FullTreeHead =
    last === size
      ? { type: 'same' }
      : { type: 'updated', treeHead: { treeSize: size, signature }, auditorTreeHead: undefined };
  return { ...log, size, last, fullTreeHead, auditedSize: undefined };
}
