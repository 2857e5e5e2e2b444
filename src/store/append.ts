import { type Placeholder, type SQL, sql } from 'drizzle-orm';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { logTileColumns } from './tile-rows.ts';
import type { AppendBatch, VersionRow } from './ports.ts';
import { DERIVED, headColumns, serialBytes, type StoreContext } from './rows.ts';
import type { SqlParameter } from './sql-driver.ts';
import { isRefused } from './sql-error.ts';
import {
  certificates,
  entries,
  heads,
  intents,
  labels,
  logTiles,
  prefixTiles,
  revocations,
  submissions,
  versions,
} from './schema.ts';
import { arrays, assignments, columnsOf, excluded, given, names, type Placeholders, statement } from './statement.ts';
import { assertTrailNotMoved, TRAIL, trailValues, writesTrail } from './trail-rows.ts';
import { holdsLock } from './writer-lock.ts';

/** RFC 5280 reason `cessationOfOperation`: for certificates that were signed and never released. */
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
  'headMac',
  'writer',
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
const LABELS = ['newestKeys', 'newestLabels', 'newestVersions', 'newestHashes', 'newestMemories'] as const;
const OUTCOMES = ['rejectedIds', 'rejectedCodes', 'settledMs', 'settledCount'] as const;
const REVOCATIONS = ['revokedSerials', 'revokedTimes', 'revokedReasons'] as const;
const EVENT = ['channel', 'event'] as const;

/** The columns that a settled submission no longer needs. */
export const CLEARED = {
  label: null,
  vrfOutput: null,
  vrfProof: null,
  commitment: null,
  opening: null,
  value: null,
  act: null,
  mac: null,
} as const;

/**
 * The whole append is one statement, so one transaction and one round trip. Nothing is written unless `moved`, the
 * compare-and-swap, has a row. The last line divides by zero, which undoes everything, if a submission of the batch is
 * no longer queued.
 */
const APPEND = statement(
  [...HEAD, ...ENTRIES, ...TILES, ...VERSIONS, ...LABELS, ...OUTCOMES, ...REVOCATIONS, ...EVENT, ...TRAIL],
  (values) => sql`with moved as (
    update ${heads} set ${assignments(heads, {
      size: values.size,
      timestampMs: values.timestampMs,
      prefixRoot: values.prefixRoot,
      prefixTilePosition: values.prefixTilePosition,
      prefixTileCounter: values.prefixTileCounter,
      logRoot: values.logRoot,
      auditRoot: values.auditRoot,
      logEdge: values.logEdge,
      auditEdge: values.auditEdge,
      logEnd: given(heads.logEnd, values.logEnd),
      mac: values.headMac,
    })}
    where ${heads.logId} = ${values.log} and ${heads.size} = ${values.expectedSize} and ${heads.logEnd} is null
      and ${holdsLock(values.log, values.writer)}
    returning ${heads.logId} as log_id),
  ${insertsTrees(values)},
  ${insertsVersions(values)},
  ${settlesSubmissions(values)},
  ${settlesIntents(values)},
  ${writesTrail('moved', values)}
  select (select pg_notify(${values.channel}, ${values.event}) from moved) as told,
    (select count(*) from moved) as moved,
    1 / (case when (select count(*) from moved) = 0
        or (select count(*) from sequenced) + (select count(*) from rejected) = ${values.settledCount}::int8
      then 1 else 0 end) as settled`,
);

function insertsTrees(values: Placeholders<'log' | (typeof ENTRIES)[number] | (typeof TILES)[number]>): SQL {
  const { position, auditEntry, prefixTilePosition, prefixTileCounter, updateGzip } = entries;
  const { tree, level, tileIndex, data } = logTiles;
  return sql`new_entries as (
    insert into ${entries}
      (${names(entries.logId, position, auditEntry, prefixTilePosition, prefixTileCounter, updateGzip)})
    select moved.log_id, new.* from moved, unnest(${arrays(
      [position, values.entryPositions],
      [auditEntry, values.auditEntries],
      [prefixTilePosition, values.rootPositions],
      [prefixTileCounter, values.rootCounters],
      [updateGzip, values.updates],
    )}) as new),
  new_prefix_tiles as (
    insert into ${prefixTiles}
      (${names(prefixTiles.logId, prefixTiles.position, prefixTiles.counter, prefixTiles.data)})
    select moved.log_id, new.* from moved, unnest(${arrays(
      [prefixTiles.position, values.tilePositions],
      [prefixTiles.counter, values.tileCounters],
      [prefixTiles.data, values.tileData],
    )}) as new),
  new_log_tiles as (
    insert into ${logTiles} (${names(logTiles.logId, tree, level, tileIndex, data)})
    select moved.log_id, new.* from moved, unnest(${arrays(
      [tree, values.logTileTrees],
      [level, values.logTileLevels],
      [tileIndex, values.logTileIndexes],
      [data, values.logTileData],
    )}) as new)`;
}

function insertsVersions(values: Placeholders<'log' | (typeof VERSIONS)[number] | (typeof LABELS)[number]>): SQL {
  const { labelKey, version, position, vrfOutput, vrfProof, commitment, opening, value } = versions;
  const { label, greatestVersion, labelHash, vrfMemory } = labels;
  return sql`new_versions as (
    insert into ${versions}
      (${names(versions.logId, labelKey, version, position, vrfOutput, vrfProof, commitment, opening, value)})
    select moved.log_id, new.* from moved, unnest(${arrays(
      [labelKey, values.labelKeys],
      [version, values.versions],
      [position, values.positions],
      [vrfOutput, values.vrfOutputs],
      [vrfProof, values.vrfProofs],
      [commitment, values.commitments],
      [opening, values.openings],
      [value, values.values],
    )}) as new),
  new_labels as (
    insert into ${labels} (${names(labels.logId, labels.labelKey, label, greatestVersion, labelHash, vrfMemory)})
    select moved.log_id, new.* from moved, unnest(${arrays(
      [labels.labelKey, values.newestKeys],
      [label, values.newestLabels],
      [greatestVersion, values.newestVersions],
      [labelHash, values.newestHashes],
      [vrfMemory, values.newestMemories],
    )}) as new
    on conflict (${names(labels.logId, labels.labelKey)}) do update
    set ${assignments(labels, {
      label: excluded(label),
      greatestVersion: excluded(greatestVersion),
      labelHash: excluded(labelHash),
      vrfMemory: excluded(vrfMemory),
    })}
    where ${greatestVersion} < ${excluded(greatestVersion)})`;
}

function settlesSubmissions(values: Placeholders<'log' | (typeof VERSIONS)[number] | (typeof OUTCOMES)[number]>): SQL {
  const { logId, submissionId, state, labelKey, version } = submissions;
  const settledMs = given(submissions.settledMs, values.settledMs);
  return sql`sequenced as (
    update ${submissions}
    set ${assignments(submissions, { state: sql`'sequenced'`, position: sql`done.position`, settledMs, ...CLEARED })}
    from moved, unnest(${arrays(
      [submissionId, values.submissionIds],
      [submissions.position, values.positions],
    )}) as done (id, position)
    where ${logId} = ${values.log} and ${submissionId} = done.id and ${state} = 'queued'
    returning ${submissionId}),
  rejected as (
    update ${submissions}
    set ${assignments(submissions, { state: sql`'rejected'`, code: sql`done.code`, settledMs, ...CLEARED })}
    from moved, unnest(${arrays(
      [submissionId, values.rejectedIds],
      [submissions.code, values.rejectedCodes],
    )}) as done (id, code)
    where ${logId} = ${values.log} and ${submissionId} = done.id and ${state} = 'queued'
    returning ${submissionId} as submission_id, ${labelKey} as label_key, ${version} as version)`;
}

function settlesIntents(
  values: Placeholders<'log' | 'timestampMs' | (typeof VERSIONS)[number] | (typeof REVOCATIONS)[number]>,
): SQL {
  const { logId, labelKey, version, submissionId, state, serial } = intents;
  const revoked = [revocations.serial, revocations.revokedMs, revocations.reason] as const;
  return sql`sequenced_intents as (
    update ${intents} set ${assignments(intents, { state: sql`'sequenced'` })}
    from moved, unnest(${arrays(
      [labelKey, values.labelKeys],
      [version, values.versions],
      [submissionId, values.submissionIds],
    )}) as done (label_key, version, id)
    where ${logId} = ${values.log} and ${labelKey} = done.label_key and ${version} = done.version
      and ${submissionId} = done.id and ${state} = 'submitted' and (select count(*) from sequenced) > 0),
  failed_intents as (
    update ${intents} set ${assignments(intents, { state: sql`'failed'` })} from rejected
    where ${logId} = ${values.log} and ${labelKey} = rejected.label_key and ${version} = rejected.version
      and ${submissionId} = rejected.submission_id and ${state} = 'submitted'
    returning ${serial} as serial),
  revoked as (
    select * from unnest(${arrays(
      [revocations.serial, values.revokedSerials],
      [revocations.revokedMs, values.revokedTimes],
      [revocations.reason, values.revokedReasons],
    )}) as given (${names(...revoked)})
    union all
    select serial, ${given(revocations.revokedMs, values.timestampMs)}, ${sql.raw(String(REASON_NEVER_RELEASED))}
    from failed_intents
    where serial is not null and serial <> all (${arrays([revocations.serial, values.revokedSerials])})),
  ${insertsRevocations(sql`moved, revoked`, values.log)}`;
}

/** Puts the rows of a statement's part `revoked` on the CRL, once for each row of the other tables in `from`. */
export function insertsRevocations(from: SQL, log: Placeholder): SQL {
  const { logId, serial, revokedMs, reason, notAfterMs } = revocations;
  return sql`new_revocations as (
    insert into ${revocations} (${names(logId, serial, revokedMs, reason, notAfterMs)})
    select ${given(logId, log)}, revoked.*,
      (select ${certificates.notAfterMs} from ${certificates}
        where ${certificates.logId} = ${log} and ${certificates.serial} = ${columnsOf('revoked', serial)})
    from ${from}
    on conflict do nothing)`;
}

/** Implements {@link LogStore.append}. */
export async function append(context: StoreContext, batch: AppendBatch): Promise<void> {
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
  ensure(
    moved === 1,
    'head-moved',
    `the head is no longer at size ${batch.expectedSize}, the log has ended, or another process is the writer`,
  );
  context.emit('appended');
}

async function run({ driver }: StoreContext, parameters: readonly SqlParameter[]): Promise<number> {
  try {
    // Joins arrays with tables, so PostgreSQL plans it for the sizes at hand each time.
    const [row] = await driver.query<{ moved: number }>(APPEND.text, parameters, { replan: true });
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

function headValues(
  { logId, seals }: StoreContext,
  { expectedSize, head, logEnd, writer }: AppendBatch,
): Values<typeof HEAD> {
  const columns = headColumns(head, logEnd);
  return { ...columns, log: logId, expectedSize, headMac: seals?.seal(heads, columns), writer: writer?.session };
}

function entryValues({ entries, updates }: AppendBatch): Values<typeof ENTRIES> {
  return {
    entryPositions: entries.map((row) => row.position),
    auditEntries: entries.map((row) => row.auditEntry),
    rootPositions: entries.map((row) => row.prefixTile?.position),
    rootCounters: entries.map((row) => row.prefixTile?.counter),
    updates: updates.map((update) => update ?? DERIVED),
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
    newestHashes: newest.map((row) => row.labelHash),
    newestMemories: newest.map((row) => row.vrfMemory),
  };
}

function outcomeValues(
  { now }: StoreContext,
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
