import type { VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { concatBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { EMPTY_AUDITOR_STATE } from '../../core/keytrans/auditor-update.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import type { AuditFiles } from '../audit/audit-files.ts';
import type { AuditTrust } from '../audit/audit-trust.ts';
import type { EntryBefore } from '../audit/follow-entry.ts';
import { verifyUpdates } from '../audit/verify-updates.ts';
import { type ProvedEntry, readProvedBundle } from './proved-entries.ts';

/** Most entries that {@link auditRecent} takes. The program audits the whole log. */
export const MAX_RECENT_ENTRIES = 5_000;
/** Entries whose updates are verified between two reports of progress. */
const ENTRIES_PER_STEP = 16;
const UPDATES_AHEAD = 8;

/** Options of {@link auditRecent}. */
export interface RecentAuditOptions {
  /** Entries to verify, at most {@link MAX_RECENT_ENTRIES}; the whole log if it has fewer. */
  readonly count: number;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  /** Ends the audit after the step under way. */
  readonly signal: AbortSignal;
}

/** The outcome of an audit of the newest entries. */
export interface RecentAudit {
  /** Entries that were verified. */
  readonly entries: number;
  /** Position of the first of them. */
  readonly first: number;
  /** Versions of names that they added. */
  readonly updates: number;
  /** False if it was stopped before its end. */
  readonly isComplete: boolean;
}

/**
 * Audits the newest entries of a verified checkpoint from static files, oldest first: each is in its tree, names a
 * Configuration of the log, is not older than the one before it, and its published change leads from the tree of names
 * before it to its own (KT §15.2). It says nothing of older entries, and does not recompute the log roots: a whole
 * audit does. Throws the verification errors of `auditLog`.
 */
export async function auditRecent(
  files: AuditFiles,
  checkpoint: VerifiedCheckpoint,
  trust: AuditTrust,
  { count, onProgress, signal }: RecentAuditOptions,
): Promise<RecentAudit> {
  const { size } = checkpoint;
  const first = Math.max(0, size - Math.min(count, MAX_RECENT_ENTRIES));
  let before: EntryBefore = first === 0 ? EMPTY_AUDITOR_STATE : await entryAt(files, checkpoint, first - 1);
  const total = size - first;
  let [updates, position] = [0, first];
  onProgress({ done: 0, total });
  while (position < size && !signal.aborted) {
    const index = Math.floor(position / TILE_WIDTH);
    const bundle = await readProvedBundle(files, checkpoint, index);
    const offset = position - index * TILE_WIDTH;
    const step = bundle.slice(offset, offset + ENTRIES_PER_STEP);
    assertFollow(before, step, trust);
    updates += await verifyStep(files, step, { start: position, before, size });
    before = (step.at(-1) as ProvedEntry).entry;
    position += step.length;
    onProgress({ done: position - first, total });
  }
  return { entries: position - first, first, updates, isComplete: position === size };
}

async function entryAt(files: AuditFiles, checkpoint: VerifiedCheckpoint, position: number): Promise<EntryBefore> {
  const bundle = await readProvedBundle(files, checkpoint, Math.floor(position / TILE_WIDTH));
  const found = bundle[position % TILE_WIDTH];
  ensure(found !== undefined, 'bad-audit-entry', 'an entry bundle is too short');
  return found.entry;
}

function assertFollow(before: EntryBefore, step: readonly ProvedEntry[], { configHashes }: AuditTrust): void {
  ensure(step.length > 0, 'bad-audit-entry', 'an entry bundle is too short');
  let { timestampMs } = before;
  for (const { entry } of step) {
    const isOurs = configHashes.some((hash) => equalBytes(entry.configHash, hash));
    ensure(isOurs, 'bad-audit-entry', 'the entry is of another Configuration');
    ensure(entry.timestampMs >= timestampMs, 'bad-timestamp', 'the entry is older than the one before it');
    ({ timestampMs } = entry);
  }
}

/** Verifies the updates of consecutive entries and returns the number of versions that they add. */
async function verifyStep(
  files: AuditFiles,
  step: readonly ProvedEntry[],
  job: { readonly start: number; readonly before: EntryBefore; readonly size: number },
): Promise<number> {
  const entries = concatBytes(...step.map(({ bytes }) => bytes));
  const { added, failure } = await verifyUpdates(files, { ...job, entries }, UPDATES_AHEAD);
  if (failure !== undefined) {
    throw new GlasskeyError(failure.code, `entry ${failure.position}: ${failure.message}`);
  }
  return added;
}
