import { signCheckpoint } from '../core/audit/checkpoint.ts';
import { encodeTreeHeadTbs } from '../core/keytrans/tree-head.ts';
import type { HeadRow, ReleasedHead } from '../store/ports.ts';
import type { LogContext } from './log-context.ts';
import { signForSuite } from './tree-head-signature.ts';

/**
 * Signs a head: the KEYTRANS tree head (KT §11.2) and the audit log's checkpoint. `head` must have been read back from
 * the store after its transaction: only then is there never a second root for its size (DESIGN §9).
 */
export async function signCommittedHead(
  context: Pick<LogContext, 'configuration' | 'keys' | 'noteSigner' | 'origin'>,
  head: HeadRow,
): Promise<ReleasedHead> {
  const { size, logRoot, auditRoot } = head;
  const message = encodeTreeHeadTbs(context.configuration, size, logRoot);
  const checkpoint = { origin: context.origin, size, rootHash: auditRoot, extensions: [] };
  const [signature, note] = await Promise.all([
    signForSuite(context.keys.treeHead, message),
    signCheckpoint(checkpoint, [context.noteSigner]),
  ]);
  return { size, signature, checkpoint: note };
}

/** Signs a committed head and stores the signatures: from then on clients may see everything up to its size. */
export async function releaseHead(context: LogContext, head: HeadRow): Promise<ReleasedHead> {
  const released = await signCommittedHead(context, head);
  await context.store.release(released);
  context.observe({ type: 'released', size: released.size, timestampMs: head.timestampMs });
  return released;
}
