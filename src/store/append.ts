import { ensure, GlasskeyError } from '../core/errors.ts';
import { logTileColumns } from './log-rows.ts';
import type { AppendBatch, VersionRow } from './ports.ts';
import { serialBytes, type LogContext } from './rows.ts';
import type { SqlParameter } from './sql-driver.ts';
import { isRefused } from './sql-error.ts';
import { statement } from './sql-statement.ts';
import { assertTrailNotMoved, TRAIL, trailValues, writesTrail } from './trail-rows.ts';

/** RFC 5280 reason `cessationOfOperation`: for certificates that were signed and never let out. */
export const REASON_NEVER_RELEASED = 5;

const HEAD = [
  'log',
  'expectedSize',
  'size',
  'timestampMs',
  'prefixRoot',
  'prefixTilePosition',
  'prefixTileCounter',
  'logRoot',
  'auditRoot',
  'logEdge',
  'auditEdge',
  'logEnd',
] as const;
const ENTRIES = ['entryPositions', 'auditEntries', 'rootPositions', 'rootCounters', 'updates'] as const;
const TILES = [
  'tilePositions',
  'tileCounters',
  'tileData',
  'logTileTrees',
  'logTileLevels',
  'logTileIndexes',
  'logTileData',
] as const;
const VERSIONS = [
  'labelKeys',
  'versions',
  'positions',
  'vrfOutputs',
  'vrfProofs',
  'commitments',
  'openings',
  'values',
  'submissionIds',
] as const;
const LABELS = ['newestKeys', 'newestLabels', 'newestVersions'] as const;
const OUTCOMES = ['rejectedIds', 'rejectedCodes', 'settledMs', 'settledCount'] as const;
const REVOCATIONS = ['revokedSerials', 'revokedTimes', 'revokedReasons'] as const;
const EVENT = ['channel', 'event'] as const;

const CLEARED =
  'label = null, vrf_output = null, vrf_proof = null, commitment = null, opening = null, value = null, act = null';

/**
 * The whole append is one statement, so one transaction and one round trip. Nothing is written unless `moved`, the
 * compare-and-swap, has a row; the last line divides by zero, which undoes everything, where a submission of the batch
 * does not wait any more.
 */
const APPEND = statement(
  [...HEAD, ...ENTRIES, ...TILES, ...VERSIONS, ...LABELS, ...OUTCOMES, ...REVOCATIONS, ...EVENT, ...TRAIL],
  `with moved as (
    update heads set size = :size, timestamp_ms = :timestampMs, prefix_root = :prefixRoot,
      prefix_tile_position = :prefixTilePosition, prefix_tile_counter = :prefixTileCounter, log_root = :logRoot,
      audit_root = :auditRoot, log_edge = :logEdge, audit_edge = :auditEdge, log_end = :logEnd::bytea
    where log_id = :log and size = :expectedSize and log_end is null
    returning log_id),
  new_entries as (
    insert into entries (log_id, position, audit_entry, prefix_tile_position, prefix_tile_counter, update_gzip)
    select moved.log_id, new.* from moved, unnest(:entryPositions::int8[], :auditEntries::bytea[],
      :rootPositions::int8[], :rootCounters::int8[], :updates::bytea[]) as new),
  new_prefix_tiles as (
    insert into prefix_tiles (log_id, position, counter, data)
    select moved.log_id, new.* from moved,
      unnest(:tilePositions::int8[], :tileCounters::int8[], :tileData::bytea[]) as new),
  new_log_tiles as (
    insert into log_tiles (log_id, tree, level, tile_index, data)
    select moved.log_id, new.* from moved, unnest(:logTileTrees::int8[], :logTileLevels::int8[],
      :logTileIndexes::int8[], :logTileData::bytea[]) as new),
  new_versions as (
    insert into versions (log_id, label_key, version, position, vrf_output, vrf_proof, commitment, opening, value)
    select moved.log_id, new.* from moved, unnest(:labelKeys::bytea[], :versions::int8[], :positions::int8[],
      :vrfOutputs::bytea[], :vrfProofs::bytea[], :commitments::bytea[], :openings::bytea[], :values::bytea[]) as new),
  new_labels as (
    insert into labels (log_id, label_key, label, greatest_version)
    select moved.log_id, new.* from moved,
      unnest(:newestKeys::bytea[], :newestLabels::bytea[], :newestVersions::int8[]) as new
    on conflict (log_id, label_key) do update set label = excluded.label, greatest_version = excluded.greatest_version
    where labels.greatest_version < excluded.greatest_version),
  sequenced as (
    update submissions s set state = 'sequenced', position = done.position, settled_ms = :settledMs::int8, ${CLEARED}
    from moved, unnest(:submissionIds::int8[], :positions::int8[]) as done (id, position)
    where s.log_id = :log and s.submission_id = done.id and s.state = 'queued'
    returning s.submission_id),
  rejected as (
    update submissions s set state = 'rejected', code = done.code, settled_ms = :settledMs::int8, ${CLEARED}
    from moved, unnest(:rejectedIds::int8[], :rejectedCodes::text[]) as done (id, code)
    where s.log_id = :log and s.submission_id = done.id and s.state = 'queued'
    returning s.submission_id, s.label_key, s.version),
  sequenced_intents as (
    update intents i set state = 'sequenced'
    from moved, unnest(:labelKeys::bytea[], :versions::int8[], :submissionIds::int8[]) as done (label_key, version, id)
    where i.log_id = :log and i.label_key = done.label_key and i.version = done.version and i.submission_id = done.id
      and i.state = 'submitted' and (select count(*) from sequenced) > 0),
  failed_intents as (
    update intents i set state = 'failed' from rejected
    where i.log_id = :log and i.label_key = rejected.label_key and i.version = rejected.version
      and i.submission_id = rejected.submission_id and i.state = 'submitted'
    returning i.serial),
  revoked as (
    select * from unnest(:revokedSerials::bytea[], :revokedTimes::int8[], :revokedReasons::int8[])
      as given (serial, revoked_ms, reason)
    union all
    select serial, :timestampMs::int8, ${REASON_NEVER_RELEASED} from failed_intents
    where serial is not null and serial <> all (:revokedSerials::bytea[])),
  new_revocations as (
    insert into revocations (log_id, serial, revoked_ms, reason, not_after_ms)
    select moved.log_id, revoked.*,
      (select not_after_ms from certificates c where c.log_id = :log and c.serial = revoked.serial)
    from moved, revoked
    on conflict do nothing),
  ${writesTrail('moved')}
  select (select pg_notify(:channel, :event) from moved) as told,
    (select count(*) from moved) as moved,
    1 / (case when (select count(*) from moved) = 0
        or (select count(*) from sequenced) + (select count(*) from rejected) = :settledCount::int8
      then 1 else 0 end) as settled`,
);

/** Makes one sequencing step durable: see the port. */
export async function append(context: LogContext, batch: AppendBatch): Promise<void> {
  assertConsistent(batch);
  const parameters = APPEND.bind({
    ...headValues(context, batch),
    ...entryValues(batch),
    ...tileValues(batch),
    ...versionValues(batch),
    ...outcomeValues(context, batch),
    ...context.eventValues('appended'),
    ...trailValues(batch.trail),
  });
  const moved = await run(context, parameters);
  ensure(moved === 1, 'head-moved', `the head is no longer at size ${batch.expectedSize}, or the log has ended`);
  context.emit('appended');
}

async function run({ sql }: LogContext, parameters: readonly SqlParameter[]): Promise<number> {
  try {
    // Its joins of arrays with tables are planned for the sizes at hand, each time.
    const [row] = await sql.query<{ moved: number }>(APPEND.text, parameters, { replan: true });
    return row?.moved ?? 0;
  } catch (error) {
    assertTrailNotMoved(error);
    if (!isRefused(error)) throw error;
    throw new GlasskeyError('head-moved', 'a submission of the batch was settled meanwhile');
  }
}

function assertConsistent(batch: AppendBatch): void {
  const { entries, updates, expectedSize, head } = batch;
  const positionsFollow = entries.every((entry, i) => entry.position === expectedSize + i);
  ensure(positionsFollow && head.size === expectedSize + entries.length, 'internal', 'entries do not follow the head');
  ensure(updates.length === entries.length && entries.length > 0, 'internal', 'each entry has one update');
}

type Values<Names extends readonly string[]> = Record<Names[number], SqlParameter>;

function headValues({ logId }: LogContext, { expectedSize, head, logEnd }: AppendBatch): Values<typeof HEAD> {
  return {
    log: logId,
    expectedSize,
    size: head.size,
    timestampMs: head.timestampMs,
    prefixRoot: head.prefixRoot,
    prefixTilePosition: head.prefixTile?.position,
    prefixTileCounter: head.prefixTile?.counter,
    logRoot: head.logRoot,
    auditRoot: head.auditRoot,
    logEdge: head.logEdge,
    auditEdge: head.auditEdge,
    logEnd,
  };
}

function entryValues({ entries, updates }: AppendBatch): Values<typeof ENTRIES> {
  return {
    entryPositions: entries.map((row) => row.position),
    auditEntries: entries.map((row) => row.auditEntry),
    rootPositions: entries.map((row) => row.prefixTile?.position),
    rootCounters: entries.map((row) => row.prefixTile?.counter),
    updates,
  };
}

function tileValues({ prefixTiles, logTiles }: AppendBatch): Values<typeof TILES> {
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

function versionValues({ versions }: AppendBatch): Values<typeof VERSIONS> & Values<typeof LABELS> {
  const newest = newestOfEachLabel(versions);
  return {
    labelKeys: versions.map((row) => row.labelKey),
    versions: versions.map((row) => row.version),
    positions: versions.map((row) => row.position),
    vrfOutputs: versions.map((row) => row.vrfOutput),
    vrfProofs: versions.map((row) => row.vrfProof),
    commitments: versions.map((row) => row.commitment),
    openings: versions.map((row) => row.opening),
    values: versions.map((row) => row.value),
    submissionIds: versions.map((row) => row.submissionId),
    newestKeys: newest.map((row) => row.labelKey),
    newestLabels: newest.map((row) => row.label),
    newestVersions: newest.map((row) => row.version),
  };
}

function outcomeValues(
  { now }: LogContext,
  { versions, rejected, revocations }: AppendBatch,
): Values<typeof OUTCOMES> & Values<typeof REVOCATIONS> {
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

/** One statement must not write a row twice: of a label with several versions in the batch, the last. */
function newestOfEachLabel<Row extends VersionRow>(versions: readonly Row[]): Row[] {
  const newest = new Map<string, Row>();
  for (const row of versions) {
    const key = row.labelKey.join();
    const known = newest.get(key);
    if (known === undefined || known.version < row.version) newest.set(key, row);
  }
  return Array.from(newest.values());
}
