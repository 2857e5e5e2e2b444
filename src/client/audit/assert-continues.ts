import { type Checkpoint, parseCheckpoint, type VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { parseNote } from '../../core/audit/note.ts';
import { verifyConsistency } from '../../core/audit/rfc6962.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { AuditFiles } from './audit-files.ts';
import { readConsistency } from './read-tree.ts';

/** A signed checkpoint that the log has shown before, verbatim. */
export type HeldCheckpoint = string;

/** Reads the tree of a held checkpoint. Throws `bad-checkpoint`. */
export function treeOf(held: HeldCheckpoint): Checkpoint {
  return parseCheckpoint(parseNote(held).text);
}

/** Throws `tree-rolled-back` for a checkpoint of fewer entries than a held one. */
export function assertNotShorter({ size }: Checkpoint, held: Checkpoint): void {
  ensure(size >= held.size, 'tree-rolled-back', `the log had ${held.size} entries, and has ${size}`);
}

/**
 * Asserts, before anything is replayed, that the tree of a verified checkpoint continues that of a held one. Throws
 * `usage` for a held checkpoint of another log, `tree-rolled-back`, `log-forked`.
 */
export async function assertContinues(
  files: AuditFiles,
  checkpoint: VerifiedCheckpoint,
  text: HeldCheckpoint,
): Promise<void> {
  const held = treeOf(text);
  ensure(held.origin === checkpoint.origin, 'usage', 'the audit state is of another log');
  assertNotShorter(checkpoint, held);
  const message = `the log of ${checkpoint.size} entries does not continue the one of ${held.size} that was verified`;
  if (checkpoint.size === held.size) {
    ensure(equalBytes(held.rootHash, checkpoint.rootHash), 'log-forked', message);
    return;
  }
  const proof = await readConsistency(files, held.size, checkpoint.size);
  try {
    verifyConsistency(held.size, checkpoint.size, held.rootHash, checkpoint.rootHash, proof);
  } catch (cause) {
    throw new GlasskeyError('log-forked', message, { cause });
  }
}
