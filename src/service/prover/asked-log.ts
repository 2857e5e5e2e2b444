import { ensure } from '../../core/errors.ts';
import type { FullTreeHead } from '../../core/keytrans/tree-head.ts';
import type { LogProgress } from '../log/log-progress.ts';
import type { ReleasedLog } from '../log/released-log.ts';
import type { AuditorHeads } from './auditor-heads.ts';

/** The log that one answer shows. */
export interface AskedLog extends ReleasedLog {
  /** Number of log entries: the released size. */
  readonly size: number;
  /** Size of the tree that the client advertises as verified. */
  readonly last: number | undefined;
  /** The answer's head (KT §11.4). */
  readonly fullTreeHead: FullTreeHead;
  /** Size of the auditor's head in {@link fullTreeHead}, if one is in it. */
  readonly auditedSize: number | undefined;
}

/**
 * Returns the released log for a client that advertises the untrusted size `last`. Refreshes it if the client has seen
 * more than this process. Throws `invalid-request`, `not-audited`, and `too-far-behind` if the client has seen more
 * than is released.
 */
export async function askLog(
  { progress, auditor }: { readonly progress: LogProgress; readonly auditor: AuditorHeads },
  last: number | undefined,
): Promise<AskedLog> {
  ensure(last !== 0, 'invalid-request', 'there is no tree head of size 0');
  const known = await progress.released();
  const log = last === undefined || last <= known.released.size ? known : await progress.refresh();
  const { size, signature } = log.released;
  ensure(last === undefined || last <= size, 'too-far-behind', `this server has released only ${size} entries`);
  await auditor.assertCurrent(size);
  if (last === size) return { ...log, size, last, fullTreeHead: { type: 'same' }, auditedSize: undefined };
  const auditorTreeHead = await auditor.newestFor(size);
  const fullTreeHead: FullTreeHead = { type: 'updated', treeHead: { treeSize: size, signature }, auditorTreeHead };
  return { ...log, size, last, fullTreeHead, auditedSize: auditorTreeHead?.treeSize };
}
