import { formatHex } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { driveTiles } from '../../core/prefix/drive.ts';
import { KEY_LENGTH } from '../../core/prefix/key-bits.ts';
import { MAX_LOOKUPS, provePrefixLookups } from '../../core/prefix/prefix-tree.ts';
import type { AppendBatch, AppendedVersion, HeadRow, SubmissionRow, WriterLock } from '../../store/ports.ts';
import type { RefusedRow } from './batch-bisection.ts';
import { planEntries } from './batch-plan.ts';
import { type GrownTrees, growLog, prefixTileRows } from './grow-log.ts';
import type { LogContext } from '../log/log-context.ts';
import type { SettledOutcome } from '../log/log-progress.ts';
import { readCommitted } from './read-committed.ts';
import { type CheckedQueue, checkQueue } from './submission-check.ts';
import { type Act, settledAct } from '../log/act.ts';
import { absentVersions } from '../log/vrf-memory.ts';

/** Result of one append. */
export interface Appended {
  /** The committed head, as read back. */
  readonly head: HeadRow;
  readonly outcomes: readonly SettledOutcome[];
  /** Number of rejected submissions. */
  readonly rejected: number;
}

/** The input of {@link appendQueue}. */
interface Appending {
  readonly queue: readonly SubmissionRow[];
  /** Rows that are rejected without a check. */
  readonly refused: readonly RefusedRow[];
  /** Timestamp of the new entries, ms: not before the head's. */
  readonly timestampMs: number;
  /** The append fails once this lock is lost. */
  readonly writer?: WriterLock | undefined;
}

/**
 * Appends to the log once (docs/architecture.md#sequencing-and-durability): checks the queue against the committed
 * versions, and builds both logs and the prefix tree in memory. Commits all of it by compare-and-swap on `head`, and
 * reads the committed row back. An empty queue makes a heartbeat entry. Throws `head-moved` if another writer was
 * faster or has appended since, `storage-failed` (the append may or may not have happened), and what {@link
 * readCommitted} throws.
 */
export async function appendQueue(
  context: LogContext,
  head: HeadRow,
  { queue, refused, timestampMs, writer }: Appending,
): Promise<Appended> {
  const { growth, entries, ...grown } = await growChecked(context, head, queue, timestampMs);
  const checked = { ...grown.checked, rejected: [...grown.checked.rejected, ...refused] };
  const versions = await Promise.all(
    entries.flatMap((rows, i) => rows.map((row) => versionRow(context, row, head.size + i))),
  );
  const batch: AppendBatch = {
    ...growth,
    prefixTiles: prefixTileRows(growth.prefixTiles),
    versions,
    rejected: checked.rejected.map(({ row, code }) => ({ submissionId: row.id, code })),
    revocations: checked.revocations,
    writer,
  };
  const acts = actsOf(context, entries, checked, head.size);
  if (acts.length === 0) await context.store.append(batch);
  else await context.trail.record(acts, (trail) => context.store.append({ ...batch, trail }));
  const committed = await readCommitted(context.store, growth.head);
  for (const { name, tile } of growth.prefixTiles) context.prefixTiles.put(name, tile);
  growth.derivedUpdates.forEach((update, i) => context.newUpdates.set(String(head.size + i), update));
  for (const { code } of refused) context.observe({ type: 'rejected', code });
  return {
    head: committed,
    outcomes: [
      ...versions.map(({ submissionId, position }) => ({ id: submissionId, state: 'sequenced' as const, position })),
      ...checked.rejected.map(({ row, code }) => ({ id: row.id, state: 'rejected' as const, code })),
    ],
    rejected: checked.rejected.length,
  };
}

interface GrownQueue {
  readonly checked: CheckedQueue;
  readonly entries: readonly (readonly SubmissionRow[])[];
  readonly growth: GrownTrees;
}

async function growChecked(
  context: LogContext,
  head: HeadRow,
  queue: readonly SubmissionRow[],
  timestampMs: number,
): Promise<GrownQueue> {
  const grow = async (taken: ReadonlySet<string>): Promise<GrownQueue> => {
    const checked = await checkQueue(context, head, queue, { timestampMs, taken });
    const entries = planEntries(checked.accepted, ({ labelKey }) => formatHex(labelKey), context.limits.entrySize);
    const growth = await growLog({
      head,
      changes: entries.length === 0 ? [[]] : entries,
      timestampMs,
      configHash: context.configHash,
      readTiles: context.readPrefixTiles,
      format: context.format,
    });
    return { checked, entries, growth };
  };
  try {
    return await grow(new Set());
  } catch (error) {
    // A search key that is in the tree already would stop the whole queue: find its submission.
    if (!isGlasskeyError(error, 'prefix-key-exists')) throw error;
    return grow(await takenKeys(context, head, queue));
  }
}

/** Returns the search keys (hex) of a queue that the prefix tree holds, whatever the rows of their labels say. */
async function takenKeys(
  { readPrefixTiles }: LogContext,
  head: HeadRow,
  queue: readonly SubmissionRow[],
): Promise<ReadonlySet<string>> {
  const root = { hash: head.prefixRoot, tile: head.prefixTile };
  const keys = queue.map(({ vrfOutput }) => vrfOutput).filter(({ length }) => length === KEY_LENGTH);
  const taken = new Set<string>();
  for (let start = 0; start < keys.length; start += MAX_LOOKUPS) {
    const asked = keys.slice(start, start + MAX_LOOKUPS);
    const { results } = await driveTiles(provePrefixLookups(root, asked), readPrefixTiles);
    asked.forEach((key, i) => results[i]?.type === 'inclusion' && taken.add(formatHex(key)));
  }
  return taken;
}

async function versionRow(
  { vrf, vrfMemory }: LogContext,
  row: SubmissionRow,
  position: number,
): Promise<AppendedVersion> {
  const { id, label, labelKey, version, vrfOutput, vrfProof, commitment, opening, value } = row;
  const results = await vrf.evaluate(label, absentVersions(version));
  const memory = vrfMemory.columns(label, { labelKey, greatestVersion: version }, results);
  const content = { label, labelKey, version, position, vrfOutput, vrfProof, commitment, opening, value };
  return { submissionId: id, ...content, ...memory };
}

/** Returns the trail's acts of an append: every version that it adds, and every certificate that it keeps out. */
function actsOf(
  { now }: LogContext,
  entries: readonly (readonly SubmissionRow[])[],
  checked: CheckedQueue,
  size: number,
): Act[] {
  const at = now();
  const added = entries.flatMap((rows, i) =>
    rows.map(({ act, labelKey, version }) => {
      return { at, ...settledAct(act, { identity: formatHex(labelKey), version, position: size + i }) };
    }),
  );
  const refused = checked.rejected.map(({ row, code }) => {
    const settled = settledAct(row.act, { identity: formatHex(row.labelKey), version: row.version, code });
    return { at, ...settled, act: 'certificate-abandoned' as const };
  });
  return [...added, ...refused.filter(({ serial }) => serial !== undefined)];
}
