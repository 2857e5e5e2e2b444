import { leafHash, verifyInclusion } from '../../core/audit/rfc6962.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { treeOf } from './assert-continues.ts';
import { type AuditTrust, hasFixedConfiguration } from './audit-trust.ts';
import type { ProofContext, Suspicion } from './prove-misbehaviour.ts';
import { openEntry, readEntries } from './read-entries.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
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
  const isOneSize = treeOf(suspicion.held).size === context.checkpoint.size;
  return code === 'log-forked' && isOneSize;
}

/**
 * Returns true if the entry may be from before the bundle. The signed tree holds it, and the auditor does not know its
 * Configuration. A log never returns to another Configuration after an entry of the bundle's own.
 */
export async function isOfEarlierBundle({ code }: GlasskeyError, failed: FailedAudit): Promise<boolean> {
  const { suspicion, context, trust } = failed;
  if (code !== 'bad-audit-entry' || context === undefined || suspicion?.type !== 'entry') return false;
  if (hasFixedConfiguration(trust)) return false;
  if (!(await isOfUnknownConfiguration(suspicion, context, trust))) return false;
  const { files, checkpoint } = context;
  const index = suspicion.before.size - 1;
  if (index < 0) return true;
  try {
    const bundle = await readEntries(files, Math.floor(index / TILE_WIDTH), checkpoint.size);
    const before = bundle[index % TILE_WIDTH]?.bytes;
    return before !== undefined && !equalBytes(openEntry(before).configHash, trust.configHashes[0] ?? new Uint8Array());
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return false;
  }
}

/** Returns the error for entries of a bundle that the auditor was not given: they cannot be judged. */
export function earlierBundleMissing(cause: GlasskeyError, { suspicion }: FailedAudit): GlasskeyError {
  const position = suspicion?.type === 'entry' ? suspicion.before.size : undefined;
  const message =
    `log entry ${position} names a Configuration that neither the trust bundle nor an earlier one that is known here ` +
    'has. Most likely the log changed its auditor before this audit began. Next: give the bundles from before the ' +
    'change with --earlier-trust (earlierBundles); if the operator has none, the log cannot be judged from here on';
  return new GlasskeyError('usage', message, { cause });
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
