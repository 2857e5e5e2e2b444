import { auditEntryCodec } from '../../core/audit/audit-entry.ts';
import { leafHash, verifyInclusion } from '../../core/audit/rfc6962.ts';
import { decode } from '../../core/encoding/codec.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { TreeEdge } from '../../core/log/tiled-tree.ts';
import type { AuditProofs } from './audit-proofs.ts';
import type { LogEntry } from './entry-reader.ts';
import type { LogContext } from './log-context.ts';
import { corrupt } from './stored-data.ts';

/** A log whose audit root is trusted: signed, or this process's own. */
export interface TrustedLog {
  readonly size: number;
  readonly auditRoot: Uint8Array;
  /** Edge of the audit log's tree, at this size or a later one. Untrusted. */
  readonly auditEdge: TreeEdge;
}

/** Reads a log entry and proves that it is the one in a trusted log. Throws `storage-corrupt` and storage errors. */
export async function readTrustedEntry(
  { store }: Pick<LogContext, 'store'>,
  proofs: AuditProofs,
  { size, auditRoot, auditEdge }: TrustedLog,
  position: number,
): Promise<LogEntry> {
  const [row] = await store.readEntries([position]);
  if (row === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${position} is missing`);
  try {
    const proof = await proofs.inclusion(position, size, auditEdge);
    verifyInclusion(position, size, leafHash(row.auditEntry), proof, auditRoot);
    const { timestampMs, prefixRoot } = decode(auditEntryCodec, row.auditEntry);
    return { timestampMs, prefix: { hash: prefixRoot, tile: row.prefixTile } };
  } catch (cause) {
    return corrupt(`log entry ${position} is not the one in the log`)(cause);
  }
}
