import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { HeadRow, LogStore } from '../../store/ports.ts';

/**
 * Reads the head back after an append, before it is signed. Throws `head-moved` if another server has appended since:
 * its entries are checked like those of a start. Throws `storage-corrupt` if another head is in the place of this one,
 * `unsealed-row`, `storage-failed`.
 */
export async function readCommitted(store: Pick<LogStore, 'readHead'>, built: HeadRow): Promise<HeadRow> {
  const committed = await store.readHead();
  ensure(committed.size <= built.size, 'head-moved', `another server has appended after size ${built.size}`);
  ensure(isSame(committed, built), 'storage-corrupt', 'the committed head is not the one that was written');
  return committed;
}

function isSame(one: HeadRow, other: HeadRow): boolean {
  return (
    one.size === other.size &&
    one.timestampMs === other.timestampMs &&
    one.prefixTile?.position === other.prefixTile?.position &&
    one.prefixTile?.counter === other.prefixTile?.counter &&
    equalBytes(one.prefixRoot, other.prefixRoot) &&
    equalBytes(one.logRoot, other.logRoot) &&
    equalBytes(one.auditRoot, other.auditRoot) &&
    equalBytes(one.logEdge, other.logEdge) &&
    equalBytes(one.auditEdge, other.auditEdge)
  );
}
