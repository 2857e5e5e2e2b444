import type { VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { formatNote } from '../../core/audit/note.ts';
import { formatUpdatePath } from '../../core/audit/tile-path.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { AuditorState } from '../../core/keytrans/auditor-update.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import { parseBase64 } from '../../core/encoding/bytes.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import { treeOf } from './assert-continues.ts';
import type { SeenHead } from './assert-seen.ts';
import { MAX_UPDATE_BYTES } from './follow-entry.ts';
import type { AuditFiles } from './audit-files.ts';
import { readEntries } from './read-entries.ts';
import { readInclusion, readPathToOldTree } from './read-tree.ts';
import type { EntryProof, EvidenceProof, ForkProof, HeadProof, IncludedEntry } from './evidence-proof.ts';
import { verifyEvidence } from '../evidence/verify-evidence.ts';

/** The object that an audit was checking when it failed. */
export type Suspicion =
  | { readonly type: 'fork'; readonly held: string }
  | { readonly type: 'tree-head'; readonly seen: SeenHead }
  | { readonly type: 'entry'; readonly before: AuditorState; readonly entry: Uint8Array };

/** The sources of a proof. */
export interface ProofContext {
  /** The log's files under the checkpoint. */
  readonly files: AuditFiles;
  readonly checkpoint: VerifiedCheckpoint;
  readonly bundle: TrustBundle;
}

/**
 * Makes a proof of a suspicion from the log's files, and verifies it as somebody else will. Returns undefined if that
 * is not possible: the log has signed nothing wrong, as with a file that was altered in transit, or it withholds what
 * would show the fault.
 */
export async function proveMisbehaviour(
  suspicion: Suspicion,
  context: ProofContext,
): Promise<EvidenceProof | undefined> {
  try {
    const proof = await gather(suspicion, context);
    if (proof === undefined) return undefined;
    verifyEvidence(proof, context.bundle);
    return proof;
  } catch (error) {
    if (error instanceof GlasskeyError) return undefined;
    throw error;
  }
}

async function gather(suspicion: Suspicion, context: ProofContext): Promise<EvidenceProof | undefined> {
  switch (suspicion.type) {
    case 'fork':
      return gatherFork(suspicion.held, context);
    case 'tree-head':
      return gatherHead(suspicion.seen, context);
    case 'entry':
      return gatherEntry(suspicion.before, suspicion.entry, context);
  }
}

async function gatherFork(held: string, { files, checkpoint }: ProofContext): Promise<ForkProof> {
  const { size } = treeOf(held);
  const served = formatNote(checkpoint.note);
  // A log that became shorter is proved by the files of the longer tree, which are not available here.
  const consistency = size < checkpoint.size ? await readPathToOldTree(files, size, checkpoint.size) : [];
  return { type: 'fork', first: held, second: served, consistency };
}

async function gatherHead(seen: SeenHead, context: ProofContext): Promise<HeadProof | undefined> {
  if (seen.signature === undefined || seen.size > context.checkpoint.size) return undefined;
  return {
    type: 'tree-head',
    checkpoint: formatNote(context.checkpoint.note),
    included: await readIncluded(context, seen.size - 1),
    configuration: parseBase64(context.bundle.keytransConfiguration),
    size: seen.size,
    signature: seen.signature,
    logRoot: seen.logRoot,
  };
}

async function gatherEntry(before: AuditorState, entry: Uint8Array, context: ProofContext): Promise<EntryProof> {
  const { files, checkpoint } = context;
  const index = before.size;
  return {
    type: 'entry',
    checkpoint: formatNote(checkpoint.note),
    index,
    included: { entry, inclusion: await readInclusion(files, index, checkpoint.size) },
    previous: index === 0 ? undefined : await readIncluded(context, index - 1),
    fullSubtrees: before.fullSubtrees,
    update: await files.read(formatUpdatePath(index), MAX_UPDATE_BYTES).catch(() => undefined),
  };
}

async function readIncluded({ files, checkpoint: { size } }: ProofContext, index: number): Promise<IncludedEntry> {
  const [bundle, inclusion] = await Promise.all([
    readEntries(files, Math.floor(index / TILE_WIDTH), size),
    readInclusion(files, index, size),
  ]);
  return { entry: bundle[index % TILE_WIDTH]?.bytes ?? new Uint8Array(), inclusion };
}
