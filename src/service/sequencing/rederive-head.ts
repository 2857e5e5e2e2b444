import { leafHash, rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { logLeaf } from '../../core/log/log-tree.ts';
import { keytransNodeHasher, type NodeHasher } from '../../core/log/node-hasher.ts';
import { appendLeaves, edgeRoot, EMPTY_EDGE, encodeTreeEdge, type TreeEdge } from '../../core/log/tiled-tree.ts';
import type { LogStore, TreeKind } from '../../store/ports.ts';
import { auditEntryOf } from '../log/stored-data.ts';

/** Entries that are read at a time. */
const PAGE = 1_024;

/**
 * Computes both log trees again from all entries, and compares every full tile, both edges and both roots with what is
 * stored. The check at the start of a writer reads the last entries only. Throws `storage-corrupt`, `storage-failed`.
 */
export async function rederiveHead(store: LogStore): Promise<void> {
  const head = await store.readHead();
  let keytrans = EMPTY_EDGE;
  let audit = EMPTY_EDGE;
  for (let start = 0; start < head.size; start += PAGE) {
    const rows = await store.readEntryRange(start, Math.min(start + PAGE, head.size));
    const entries = rows.map((row) => auditEntryOf(row));
    const leaves = entries.map(({ timestampMs, prefixRoot }) => logLeaf(timestampMs, prefixRoot));
    keytrans = await grow(store, 'keytrans', keytrans, leaves, keytransNodeHasher);
    const auditLeaves = rows.map(({ auditEntry }) => leafHash(auditEntry));
    audit = await grow(store, 'audit', audit, auditLeaves, rfc6962NodeHasher);
  }
  const pairs = [
    [encodeTreeEdge(keytrans), head.logEdge],
    [encodeTreeEdge(audit), head.auditEdge],
    [edgeRoot(keytrans, keytransNodeHasher), head.logRoot],
    [edgeRoot(audit, rfc6962NodeHasher), head.auditRoot],
  ] as const;
  if (!pairs.every(([found, stored]) => isSame(found, stored)))
    throw corrupt('the head does not follow from the entries');
}

async function grow(
  store: LogStore,
  tree: TreeKind,
  edge: TreeEdge,
  leaves: readonly Uint8Array[],
  hasher: NodeHasher,
): Promise<TreeEdge> {
  const grown = appendLeaves(edge, leaves, hasher);
  const stored = await store.readLogTiles(grown.tiles.map(({ level, index }) => ({ tree, level, index })));
  const isStored = grown.tiles.every(({ data }, i) => isSame(data, stored[i]));
  if (!isStored) throw corrupt(`a tile of the ${tree} tree does not follow from the entries`);
  return grown.edge;
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && equalBytes(one, other);
}

function corrupt(message: string): GlasskeyError {
  return new GlasskeyError('storage-corrupt', message);
}
