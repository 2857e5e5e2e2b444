import { ensure, GlasskeyError } from '../core/errors.ts';
import { APPEND, type AppendNames } from './append-statements.ts';
import { packRecord } from './packed-record.ts';
import type { AppendBatch, VersionRow } from './ports.ts';
import { DERIVED, headColumns, serialBytes, type StoreContext } from './rows.ts';
import { heads } from './schema.ts';
import type { SqlParameter } from './sql-driver.ts';
import { isRefused } from './sql-error.ts';
import { logTileColumns } from './tile-rows.ts';
import { assertTrailNotMoved, trailValues } from './trail-rows.ts';

/** Implements {@link LogStore.append}. */
export async function append(context: StoreContext, batch: AppendBatch): Promise<void> {
  const parameters = APPEND.bind(appendValues(context, batch));
  const moved = await run(context, parameters);
  assertMoved(batch, moved);
  context.emit('appended');
}

/** Throws `head-moved` unless the compare-and-swap has moved one row. */
export function assertMoved({ expectedSize }: AppendBatch, moved: number): void {
  const why = `the head is no longer at size ${expectedSize}, the log has ended, or another process is the writer`;
  ensure(moved === 1, 'head-moved', why);
}

/** Returns the parameters of an append, by their names. Throws `internal` for a batch that contradicts itself. */
export function appendValues(context: StoreContext, batch: AppendBatch) {
  assertConsistent(batch);
  return {
    ...headValues(context, batch),
    ...entryValues(batch),
    ...tileValues(batch),
    ...versionValues(batch),
    ...outcomeValues(context, batch),
    ...context.eventValues('appended'),
    ...trailValues(batch.trail),
  };
}

async function run({ driver }: StoreContext, parameters: readonly SqlParameter[]): Promise<number> {
  try {
    // Joins arrays with tables, so PostgreSQL plans it for the sizes at hand each time.
    const [row] = await driver.query<{ moved: number }>(APPEND.text, parameters, { replan: true });
    return row?.moved ?? 0;
  } catch (error) {
    return assertUnsettled(error);
  }
}

/** Throws what an append throws for an error of the database. */
export function assertUnsettled(error: unknown): never {
  assertTrailNotMoved(error);
  if (!isRefused(error)) throw error;
  throw new GlasskeyError('head-moved', 'a submission of the batch was settled meanwhile');
}

function assertConsistent(batch: AppendBatch): void {
  const { entries, updates, expectedSize, head } = batch;
  const positionsFollow = entries.every((entry, i) => entry.position === expectedSize + i);
  ensure(positionsFollow && head.size === expectedSize + entries.length, 'internal', 'entries do not follow the head');
  ensure(updates.length === entries.length && entries.length > 0, 'internal', 'each entry has one update');
}

type Values<Part extends keyof AppendNames> = Record<AppendNames[Part], SqlParameter>;

function headValues(
  { logId, seals }: StoreContext,
  { expectedSize, head, logEnd, writer }: AppendBatch,
): Values<'head'> {
  const columns = headColumns(head, logEnd);
  return { ...columns, log: logId, expectedSize, headMac: seals?.seal(heads, columns), writer: writer?.session };
}

function entryValues({ entries, updates }: AppendBatch): Values<'entries'> {
  return {
    entryPositions: entries.map((row) => row.position),
    auditEntries: entries.map((row) => row.auditEntry),
    rootPositions: entries.map((row) => row.prefixTile?.position),
    rootCounters: entries.map((row) => row.prefixTile?.counter),
    updates: updates.map((update) => update ?? DERIVED),
  };
}

function tileValues({ prefixTiles, logTiles }: AppendBatch): Values<'tiles'> {
  const [logTileTrees, logTileLevels, logTileIndexes] = logTileColumns(logTiles);
  return {
    tilePositions: prefixTiles.map((row) => row.name.position),
    tileCounters: prefixTiles.map((row) => row.name.counter),
    tileData: prefixTiles.map((row) => row.data),
    logTileTrees,
    logTileLevels,
    logTileIndexes,
    logTileData: logTiles.map((row) => row.data),
  };
}

function versionValues({ versions, packsRecords = false }: AppendBatch): Values<'versions'> {
  const newest = newestOfEachLabel(versions);
  return {
    labelKeys: versions.map((row) => row.labelKey),
    versions: versions.map((row) => row.version),
    positions: versions.map((row) => row.position),
    vrfOutputs: versions.map((row) => row.vrfOutput),
    vrfProofs: versions.map((row) => row.vrfProof),
    commitments: versions.map((row) => row.commitment),
    openings: versions.map((row) => row.opening),
    values: versions.map((row) => (packsRecords && row.value ? packRecord(row.value) : row.value)),
    submissionIds: versions.map((row) => row.submissionId),
    newestKeys: newest.map((row) => row.labelKey),
    newestLabels: newest.map((row) => row.label),
    newestVersions: newest.map((row) => row.version),
    newestHashes: newest.map((row) => row.labelHash),
    newestMemories: newest.map((row) => row.vrfMemory),
  };
}

function outcomeValues({ now }: StoreContext, { versions, rejected, revocations }: AppendBatch): Values<'outcomes'> {
  return {
    rejectedIds: rejected.map((row) => row.submissionId),
    rejectedCodes: rejected.map((row) => row.code),
    settledMs: now(),
    settledCount: versions.length + rejected.length,
    revokedSerials: revocations.map((row) => serialBytes(row.serial)),
    revokedTimes: revocations.map((row) => row.revokedMs),
    revokedReasons: revocations.map((row) => row.reason),
  };
}

/** Returns the last version of each label in the batch: one statement must not write a row twice. */
function newestOfEachLabel<Row extends VersionRow>(versions: readonly Row[]): Row[] {
  const newest = new Map<string, Row>();
  for (const row of versions) {
    const key = row.labelKey.join();
    const known = newest.get(key);
    if (known === undefined || known.version < row.version) newest.set(key, row);
  }
  return Array.from(newest.values());
}
