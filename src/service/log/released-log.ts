import { GlasskeyError } from '../../core/errors.ts';
import { decodeTreeEdge, type TreeEdge } from '../../core/log/tiled-tree.ts';
import type { HeadRow, LogStore, ReleasedHead } from '../../store/ports.ts';

/** The greatest released size, and edges from which every node of its trees can be computed. */
export interface ReleasedLog {
  readonly released: ReleasedHead;
  /** Edge of the KEYTRANS log tree, at the released size or a later one. */
  readonly logEdge: TreeEdge;
  /** Edge of the audit log's tree, at the released size or a later one. */
  readonly auditEdge: TreeEdge;
}

/** Combines two reads. The caller has read `head` after `released`, so that it is at least as large. */
export function releasedLog(released: ReleasedHead, head: HeadRow): ReleasedLog {
  if (head.size < released.size)
    throw new GlasskeyError('storage-corrupt', 'the head is smaller than what was released');
  return { released, logEdge: decodeTreeEdge(head.logEdge), auditEdge: decodeTreeEdge(head.auditEdge) };
}

/** Reads the released log. Throws `storage-failed` if the log was never released. */
export async function readReleasedLog(store: Pick<LogStore, 'readReleased' | 'readHead'>): Promise<ReleasedLog> {
  const released = await store.readReleased();
  if (released === undefined) throw new GlasskeyError('storage-failed', 'the log has no released head yet');
  return releasedLog(released, await store.readHead());
}
