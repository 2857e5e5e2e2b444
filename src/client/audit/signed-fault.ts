import { parseCheckpoint } from '../../core/audit/checkpoint.ts';
import { parseNote } from '../../core/audit/note.ts';
import { leafHash, verifyInclusion } from '../../core/audit/rfc6962.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { type GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { AuditTrust } from './audit-trust.ts';
import type { ProofContext, Suspicion } from './prove-misbehaviour.ts';
import { openEntry } from './read-entries.ts';
import { readInclusion } from './read-tree.ts';

/** The findings of a failed audit. */
export interface FailedAudit {
  readonly trust: AuditTrust;
  readonly context: ProofContext | undefined;
  readonly suspicion: Suspicion | undefined;
}

/**
 * Returns true if an audit's error follows from what the log has signed, though it cannot be proved to others. Then it
 * is the log's fault, whoever served the files. False for files that do not match the log's signatures.
 */
export async function isSignedFault({ code }: GlasskeyError, failed: FailedAudit): Promise<boolean> {
  const { suspicion, context, trust } = failed;
  if (context === undefined) return false;
  // Found after the root of all entries was compared with the signed one.
  if (code === 'tree-head-too-new') return true;
  if (suspicion === undefined) return code === 'continued-after-end';
  if (suspicion.type === 'entry') return isOfUnknownConfiguration(suspicion, context, trust);
  if (suspicion.type === 'tree-head') return code === 'log-forked';
  const isOneSize = parseCheckpoint(parseNote(suspicion.held).text).size === context.checkpoint.size;
  return code === 'log-forked' && isOneSize;
}

/** Returns true if the entry is in the signed tree, and names a Configuration that the auditor does not know. */
async function isOfUnknownConfiguration(
  { before: { size: index }, entry }: Extract<Suspicion, { type: 'entry' }>,
  { files, checkpoint: { size, rootHash } }: ProofContext,
  { configHashes }: AuditTrust,
): Promise<boolean> {
  try {
    verifyInclusion(index, size, leafHash(entry), await readInclusion(files, index, size), rootHash);
    const { configHash } = openEntry(entry);
    return !configHashes.some((known) => equalBytes(known, configHash));
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return false;
  }
}
