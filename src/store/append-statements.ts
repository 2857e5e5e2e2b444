import { type Placeholder, type SQL, sql } from 'drizzle-orm';
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
import { TRAIL, writesTrail } from './trail-rows.ts';
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
const PREFIX_TILES = ['tilePositions', 'tileCounters', 'tileData'] as const;
const LOG_TILES = ['logTileTrees', 'logTileLevels', 'logTileIndexes', 'logTileData'] as const;
const VERSIONS = [
  'labelKeys',
  'versions',
  'positions',
  'vrfOutputs',
  'vrfProofs',
  'commitments',
  'openings',
  'values',
] as const;
const SUBMITTED = ['submissionIds'] as const;
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

/** The log of new rows, and the tables on which their insertion depends. */
interface InsertSource {
  readonly log: SQL;
  readonly from: SQL;
}

const IF_MOVED: InsertSource = { log: sql`moved.log_id`, from: sql`moved, ` };

function always(log: Placeholder): InsertSource {
  return { log: given(entries.logId, log), from: sql`` };
}

/** The expiry of a row of `revoked` that another statement fills in: one for each serial of {@link REVOKED}. */
export const UNKNOWN_EXPIRY = given(revocations.notAfterMs, sql`null`);

/** The serials that {@link insertsRevocations} has put on the CRL, as hex with commas between; null without any. */
export const REVOKED = sql`(select string_agg(encode(serial, 'hex'), ',') from new_revocations) as revoked`;

/**
 * The whole append is one statement, so one transaction and one round trip. Nothing is written unless `moved`, the
 * compare-and-swap, has a row. The last line divides by zero, which undoes everything, if a submission of the batch is
 * no longer queued.
 */
export const APPEND = statement(
  [
    ...HEAD,
    ...ENTRIES,
    ...PREFIX_TILES,
    ...LOG_TILES,
    ...VERSIONS,
    ...SUBMITTED,
    ...LABELS,
    ...OUTCOMES,
    ...REVOCATIONS,
    ...EVENT,
    ...TRAIL,
  ],
  (values) => sql`with ${movesHead(values)},
  new_entries as (${insertsEntries(values, IF_MOVED)}),
  new_prefix_tiles as (${insertsPrefixTiles(values, IF_MOVED)}),
  new_log_tiles as (${insertsLogTiles(values, IF_MOVED)}),
  new_versions as (${insertsVersions(values, IF_MOVED)}),
  new_labels as (${insertsLabels(values, IF_MOVED)}),
  ${settlesSubmissions(values)},
  ${settlesIntents(values, expiryOf(values.log))},
  ${writesTrail('moved', values)}
  ${tellsOutcome(values)}`,
);

/** The rows of an append that are small and stay on the coordinator: all but those of {@link LARGE_INSERTS}. */
export const APPEND_SMALL = statement(
  [...HEAD, 'labelKeys', 'versions', 'positions', ...SUBMITTED, ...OUTCOMES, ...REVOCATIONS, ...EVENT, ...TRAIL],
  (values) => sql`with ${movesHead(values)},
  ${settlesSubmissions(values)},
  ${settlesIntents(values, UNKNOWN_EXPIRY)},
  ${writesTrail('moved', values)}
  ${tellsOutcome(values)}, ${REVOKED}`,
);

/** The rows of an append that are large: one statement for each table. */
export const LARGE_INSERTS = {
  entries: statement(['log', ...ENTRIES], (values) => insertsEntries(values, always(values.log))),
  prefixTiles: statement(['log', ...PREFIX_TILES], (values) => insertsPrefixTiles(values, always(values.log))),
  logTiles: statement(['log', ...LOG_TILES], (values) => insertsLogTiles(values, always(values.log))),
  versions: statement(['log', ...VERSIONS], (values) => insertsVersions(values, always(values.log))),
  labels: statement(['log', ...LABELS], (values) => insertsLabels(values, always(values.log))),
};

function movesHead(values: Placeholders<(typeof HEAD)[number]>): SQL {
  return sql`moved as (
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
    returning ${heads.logId} as log_id)`;
}

function tellsOutcome(values: Placeholders<(typeof EVENT)[number] | 'settledCount'>): SQL {
  return sql`select (select pg_notify(${values.channel}, ${values.event}) from moved) as told,
    (select count(*) from moved) as moved,
    1 / (case when (select count(*) from moved) = 0
        or (select count(*) from sequenced) + (select count(*) from rejected) = ${values.settledCount}::int8
      then 1 else 0 end) as settled`;
}

function insertsEntries(values: Placeholders<(typeof ENTRIES)[number]>, { log, from }: InsertSource): SQL {
  const { position, auditEntry, prefixTilePosition, prefixTileCounter, updateGzip } = entries;
  return sql`insert into ${entries}
      (${names(entries.logId, position, auditEntry, prefixTilePosition, prefixTileCounter, updateGzip)})
    select ${log}, new.* from ${from}unnest(${arrays(
      [position, values.entryPositions],
      [auditEntry, values.auditEntries],
      [prefixTilePosition, values.rootPositions],
      [prefixTileCounter, values.rootCounters],
      [updateGzip, values.updates],
    )}) as new`;
}

function insertsPrefixTiles(values: Placeholders<(typeof PREFIX_TILES)[number]>, { log, from }: InsertSource): SQL {
  return sql`insert into ${prefixTiles}
      (${names(prefixTiles.logId, prefixTiles.position, prefixTiles.counter, prefixTiles.data)})
    select ${log}, new.* from ${from}unnest(${arrays(
      [prefixTiles.position, values.tilePositions],
      [prefixTiles.counter, values.tileCounters],
      [prefixTiles.data, values.tileData],
    )}) as new`;
}

function insertsLogTiles(values: Placeholders<(typeof LOG_TILES)[number]>, { log, from }: InsertSource): SQL {
  const { tree, level, tileIndex, data } = logTiles;
  return sql`insert into ${logTiles} (${names(logTiles.logId, tree, level, tileIndex, data)})
    select ${log}, new.* from ${from}unnest(${arrays(
      [tree, values.logTileTrees],
      [level, values.logTileLevels],
      [tileIndex, values.logTileIndexes],
      [data, values.logTileData],
    )}) as new`;
}

function insertsVersions(values: Placeholders<(typeof VERSIONS)[number]>, { log, from }: InsertSource): SQL {
  const { labelKey, version, position, vrfOutput, vrfProof, commitment, opening, value } = versions;
  return sql`insert into ${versions}
      (${names(versions.logId, labelKey, version, position, vrfOutput, vrfProof, commitment, opening, value)})
    select ${log}, new.* from ${from}unnest(${arrays(
      [labelKey, values.labelKeys],
      [version, values.versions],
      [position, values.positions],
      [vrfOutput, values.vrfOutputs],
      [vrfProof, values.vrfProofs],
      [commitment, values.commitments],
      [opening, values.openings],
      [value, values.values],
    )}) as new`;
}

function insertsLabels(values: Placeholders<(typeof LABELS)[number]>, { log, from }: InsertSource): SQL {
  const { label, greatestVersion, labelHash, vrfMemory } = labels;
  return sql`insert into ${labels} (${names(labels.logId, labels.labelKey, label, greatestVersion, labelHash, vrfMemory)})
    select ${log}, new.* from ${from}unnest(${arrays(
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
    where ${greatestVersion} < ${excluded(greatestVersion)}`;
}

function settlesSubmissions(
  values: Placeholders<'log' | 'positions' | (typeof SUBMITTED)[number] | (typeof OUTCOMES)[number]>,
): SQL {
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
  values: Placeholders<
    'log' | 'timestampMs' | 'labelKeys' | 'versions' | (typeof SUBMITTED)[number] | (typeof REVOCATIONS)[number]
  >,
  expiry: SQL,
): SQL {
  const { logId, labelKey, version, submissionId, state, serial } = intents;
  const revoked = [revocations.serial, revocations.revokedMs, revocations.reason] as const;
  // `not in` means `= 'submitted'`. Of that the planner expects one row, and compares every intent with every version.
  return sql`sequenced_intents as (
    update ${intents} set ${assignments(intents, { state: sql`'sequenced'` })}
    from moved, unnest(${arrays(
      [labelKey, values.labelKeys],
      [version, values.versions],
      [submissionId, values.submissionIds],
    )}) as done (label_key, version, id)
    where ${logId} = ${values.log} and ${labelKey} = done.label_key and ${version} = done.version
      and ${submissionId} = done.id and ${state} not in ('open', 'sequenced', 'failed')
      and (select count(*) from sequenced) > 0),
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
  ${insertsRevocations(sql`moved, revoked`, values.log, expiry)}`;
}

/** The expiry of a row of `revoked`: that of the stored certificate, or null without one. */
export function expiryOf(log: Placeholder): SQL {
  return sql`(select ${certificates.notAfterMs} from ${certificates}
        where ${certificates.logId} = ${log} and ${certificates.serial} = ${columnsOf('revoked', revocations.serial)})`;
}

/** Puts the rows of a statement's part `revoked` on the CRL, once for each row of the other tables in `from`. */
export function insertsRevocations(from: SQL, log: Placeholder, expiry: SQL): SQL {
  const { logId, serial, revokedMs, reason, notAfterMs } = revocations;
  return sql`new_revocations as (
    insert into ${revocations} (${names(logId, serial, revokedMs, reason, notAfterMs)})
    select ${given(logId, log)}, revoked.*, ${expiry}
    from ${from}
    on conflict do nothing
    returning ${serial} as serial)`;
}

/** The names of the parameters of {@link APPEND}, by the rows that they describe. */
export interface AppendNames {
  readonly head: (typeof HEAD)[number];
  readonly entries: (typeof ENTRIES)[number];
  readonly tiles: (typeof PREFIX_TILES)[number] | (typeof LOG_TILES)[number];
  readonly versions: (typeof VERSIONS)[number] | (typeof SUBMITTED)[number] | (typeof LABELS)[number];
  readonly outcomes: (typeof OUTCOMES)[number] | (typeof REVOCATIONS)[number];
}
