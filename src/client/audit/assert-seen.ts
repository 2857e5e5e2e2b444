import type { VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { verifyInclusion } from '../../core/audit/rfc6962.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import type { AuditFiles } from './audit-files.ts';
import { openEntry, readEntries } from './read-entries.ts';
import { readInclusion } from './read-tree.ts';

/** A KEYTRANS tree head that was verified elsewhere, such as in a lookup. */
export interface SeenHead {
  readonly size: number;
  /** Root of the log tree at that size. */
  readonly logRoot: Uint8Array;
  /** Its signature; needed to prove to others that the head contradicts the audit log. */
  readonly signature?: Uint8Array | undefined;
}

/**
 * Asserts that a head seen elsewhere is one of the log of `checkpoint`: otherwise there are two logs, one for lookups
 * and one for audits. Throws `log-forked` if it is not, `bad-log-proof` and `bad-audit-entry` for files that are not
 * the checkpoint's, and `too-far-behind` if the checkpoint is older than the head and proves nothing.
 */
export async function assertSeen(files: AuditFiles, checkpoint: VerifiedCheckpoint, seen: SeenHead): Promise<void> {
  const { size, rootHash } = checkpoint;
  ensure(
    seen.size <= size,
    'too-far-behind',
    `lookups have shown a log of ${seen.size} entries, and the files hold only ${size}`,
  );
  const index = seen.size - 1;
  const [bundle, proof] = await Promise.all([
    readEntries(files, Math.floor(index / TILE_WIDTH), size),
    readInclusion(files, index, size),
  ]);
  const read = bundle[index % TILE_WIDTH];
  ensure(read !== undefined, 'bad-audit-entry', 'an entry bundle is too short');
  verifyInclusion(index, size, read.leaf, proof, rootHash);
  ensure(
    equalBytes(openEntry(read.bytes).logRoot, seen.logRoot),
    'log-forked',
    `the log of ${seen.size} entries that lookups have shown is not the beginning of the one that is audited`,
  );
}
