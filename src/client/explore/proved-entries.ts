import type { AuditEntry } from '../../core/audit/audit-entry.ts';
import type { VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { verifyInclusion } from '../../core/audit/rfc6962.ts';
import { ensure } from '../../core/errors.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import type { AuditFiles } from '../audit/audit-files.ts';
import { openEntry, readEntries } from '../audit/read-entries.ts';
import { readInclusion } from '../audit/read-tree.ts';

/** A proved entry of the audit log, with its bytes. */
export interface ProvedEntry {
  readonly bytes: Uint8Array;
  readonly entry: AuditEntry;
}

/**
 * Reads bundle number `index`, up to 256 consecutive entries, and proves that the tree of a verified checkpoint holds
 * them. The inclusion proof of the first one is folded from the hash tile of all, so it proves all. `files` must give
 * the same bytes for a path each time (see `keptFiles`). Throws `bad-audit-entry`, `bad-log-proof`, `bad-response`,
 * `network-failed`.
 */
export async function readProvedBundle(
  files: AuditFiles,
  checkpoint: Pick<VerifiedCheckpoint, 'size' | 'rootHash'>,
  index: number,
): Promise<readonly ProvedEntry[]> {
  const { size, rootHash } = checkpoint;
  const first = index * TILE_WIDTH;
  const [read, proof] = await Promise.all([readEntries(files, index, size), readInclusion(files, first, size)]);
  const [head] = read;
  ensure(head !== undefined, 'bad-audit-entry', 'an entry bundle is empty');
  verifyInclusion(first, size, head.leaf, proof, rootHash);
  return read.map(({ bytes }) => ({ bytes, entry: openEntry(bytes) }));
}

/** Returns files that are read once: a path gives the same bytes each time. Keeps at most `maximum` of them. */
export function keptFiles(files: AuditFiles, maximum: number): AuditFiles {
  const kept = new Map<string, Promise<Uint8Array>>();
  return {
    read: (path, maximumBytes) => {
      const found = kept.get(path);
      if (found !== undefined) return found;
      const read = files.read(path, maximumBytes);
      kept.set(path, read);
      const [oldest] = kept.keys();
      if (kept.size > maximum && oldest !== undefined) kept.delete(oldest);
      return read;
    },
  };
}
