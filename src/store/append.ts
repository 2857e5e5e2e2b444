import { ensure, GlasskeyError } from '../core/errors.ts';
import { logTileColumns } from './log-rows.ts';
import type { AppendBatch, VersionRow } from './ports.ts';
import { serialBytes, type LogContext } from './rows.ts';
import type { SqlExecutor, SqlParameter } from './sql-driver.ts';

/** RFC 5280 reason `cessationOfOperation`: for certificates that were signed and never let out. */
export const REASON_NEVER_RELEASED = 5;

// These statements join arrays with tables: plan them for the sizes at hand.
const CUSTOM_PLANS = 'set local plan_cache_mode = force_custom_plan';

const HEAD = `update heads set size = $3, timestamp_ms = $4, prefix_root = $5, prefix_tile_position = $6,
    prefix_tile_counter = $7, log_root = $8, audit_root = $9, log_edge = $10, audit_edge = $11
  where log_id = $1 and size = $2`;

const ENTRIES = `insert into entries
    (log_id, position, audit_entry, prefix_tile_position, prefix_tile_counter, update_gzip)
  select $1::int4, * from unnest($2::int8[], $3::bytea[], $4::int8[], $5::int8[], $6::bytea[])`;

const PREFIX_TILES = `insert into prefix_tiles (log_id, position, counter, data)
  select $1::int4, * from unnest($2::int8[], $3::int8[], $4::bytea[])`;

const LOG_TILES = `insert into log_tiles (log_id, tree, level, tile_index, data)
  select $1::int4, * from unnest($2::int8[], $3::int8[], $4::int8[], $5::bytea[])`;

const VERSIONS = `insert into versions
    (log_id, label_key, version, position, vrf_output, vrf_proof, commitment, opening, value)
  select $1::int4, * from unnest($2::bytea[], $3::int8[], $4::int8[], $5::bytea[], $6::bytea[], $7::bytea[],
    $8::bytea[], $9::bytea[])`;

const LABELS = `insert into labels (log_id, label_key, label, greatest_version)
  select $1::int4, * from unnest($2::bytea[], $3::bytea[], $4::int8[])
  on conflict (log_id, label_key) do update set label = excluded.label, greatest_version = excluded.greatest_version
  where labels.greatest_version < excluded.greatest_version`;

const CLEAR = 'label = null, vrf_output = null, vrf_proof = null, commitment = null, opening = null, value = null';

const SEQUENCED = `update submissions s set state = 'sequenced', position = settled.position, settled_ms = $4, ${CLEAR}
  from unnest($2::int8[], $3::int8[]) as settled (id, position)
  where s.log_id = $1 and s.submission_id = settled.id and s.state = 'queued'`;

const REJECTED = `update submissions s set state = 'rejected', code = settled.code, settled_ms = $4, ${CLEAR}
  from unnest($2::int8[], $3::text[]) as settled (id, code)
  where s.log_id = $1 and s.submission_id = settled.id and s.state = 'queued'`;

const SEQUENCED_INTENTS = `update intents i set state = 'sequenced'
  from unnest($2::bytea[], $3::int8[], $4::int8[]) as done (label_key, version, submission_id)
  where i.log_id = $1 and i.label_key = done.label_key and i.version = done.version
    and i.submission_id = done.submission_id and i.state = 'submitted'`;

const FAILED_INTENTS = `with failed as (
    update intents i set state = 'failed' from unnest($2::int8[]) as settled (id), submissions s
    where s.log_id = $1 and s.submission_id = settled.id and i.log_id = $1 and i.label_key = s.label_key
      and i.version = s.version and i.submission_id = s.submission_id and i.state = 'submitted'
    returning i.serial)
  insert into revocations (log_id, serial, revoked_ms, reason, not_after_ms)
  select $1::int4, failed.serial, $3::int8, ${REASON_NEVER_RELEASED}, (select not_after_ms from certificates c
    where c.log_id = $1 and c.serial = failed.serial)
  from failed where failed.serial is not null
  on conflict do nothing`;

/** Puts serials on the CRL; the first revocation of a serial stands. $2 serials, $3 times, $4 reasons. */
export const REVOKE = `insert into revocations (log_id, serial, revoked_ms, reason, not_after_ms)
  select $1::int4, revoked.serial, revoked.ms, revoked.reason, (select not_after_ms from certificates c
    where c.log_id = $1 and c.serial = revoked.serial)
  from unnest($2::bytea[], $3::int8[], $4::int8[]) as revoked (serial, ms, reason)
  on conflict do nothing`;

/** Makes one sequencing step durable: see the port. All statements after the first are sent without waiting. */
export async function append(context: LogContext, batch: AppendBatch): Promise<void> {
  assertConsistent(batch);
  const statements = batchStatements(context, batch);
  await context.sql.transaction(async (transaction) => {
    await Promise.all([transaction.execute(CUSTOM_PLANS, []), moveHead(context, batch, transaction)]);
    const settled = settle(context, batch, transaction);
    const written = statements.map(([text, parameters]) => transaction.execute(text, parameters));
    await Promise.all([settled, ...written, context.notify(transaction, 'appended')]);
  });
  context.emit('appended');
}

function assertConsistent(batch: AppendBatch): void {
  const { entries, updates, expectedSize, head } = batch;
  const positionsFollow = entries.every((entry, i) => entry.position === expectedSize + i);
  ensure(positionsFollow && head.size === expectedSize + entries.length, 'internal', 'entries do not follow the head');
  ensure(updates.length === entries.length && entries.length > 0, 'internal', 'each entry has one update');
}

async function moveHead(context: LogContext, batch: AppendBatch, transaction: SqlExecutor): Promise<void> {
  const { head } = batch;
  const moved = await transaction.execute(HEAD, [
    context.logId,
    batch.expectedSize,
    head.size,
    head.timestampMs,
    head.prefixRoot,
    head.prefixTile?.position,
    head.prefixTile?.counter,
    head.logRoot,
    head.auditRoot,
    head.logEdge,
    head.auditEdge,
  ]);
  ensure(moved === 1, 'head-moved', `the head is no longer at size ${batch.expectedSize}`);
}

/** Settles the submissions of the batch, each of which must still wait. */
async function settle(context: LogContext, batch: AppendBatch, transaction: SqlExecutor): Promise<void> {
  const { versions, rejected } = batch;
  const settledMs = context.now();
  const ids = versions.map((row) => row.submissionId);
  const positions = versions.map((row) => row.position);
  const rejectedIds = rejected.map((row) => row.submissionId);
  const codes = rejected.map((row) => row.code);
  const counts = await Promise.all([
    ids.length === 0 ? 0 : transaction.execute(SEQUENCED, [context.logId, ids, positions, settledMs]),
    rejected.length === 0 ? 0 : transaction.execute(REJECTED, [context.logId, rejectedIds, codes, settledMs]),
  ]);
  const settledAll = counts[0] === versions.length && counts[1] === rejected.length;
  if (!settledAll) throw new GlasskeyError('head-moved', 'a submission of the batch was settled meanwhile');
}

type Statement = readonly [text: string, parameters: readonly SqlParameter[]];

function batchStatements({ logId }: LogContext, batch: AppendBatch): Statement[] {
  const { entries, prefixTiles, logTiles, versions, rejected, revocations } = batch;
  const statements: Statement[] = [
    [
      ENTRIES,
      [
        logId,
        entries.map((row) => row.position),
        entries.map((row) => row.auditEntry),
        entries.map((row) => row.prefixTile?.position),
        entries.map((row) => row.prefixTile?.counter),
        batch.updates,
      ],
    ],
  ];
  if (prefixTiles.length > 0) {
    const positions = prefixTiles.map((row) => row.name.position);
    const counters = prefixTiles.map((row) => row.name.counter);
    statements.push([PREFIX_TILES, [logId, positions, counters, prefixTiles.map((row) => row.data)]]);
  }
  if (logTiles.length > 0) {
    statements.push([LOG_TILES, [logId, ...logTileColumns(logTiles), logTiles.map((row) => row.data)]]);
  }
  if (versions.length > 0) statements.push(...versionStatements(logId, versions));
  // Before the reason of its own that a rejected submission would give.
  if (revocations.length > 0) {
    const serials = revocations.map((row) => serialBytes(row.serial));
    const times = revocations.map((row) => row.revokedMs);
    statements.push([REVOKE, [logId, serials, times, revocations.map((row) => row.reason)]]);
  }
  if (rejected.length > 0) {
    statements.push([FAILED_INTENTS, [logId, rejected.map((row) => row.submissionId), batch.head.timestampMs]]);
  }
  return statements;
}

function versionStatements(logId: number, versions: AppendBatch['versions']): Statement[] {
  const labelKeys = versions.map((row) => row.labelKey);
  const numbers = versions.map((row) => row.version);
  const newest = newestOfEachLabel(versions);
  return [
    [
      VERSIONS,
      [
        logId,
        labelKeys,
        numbers,
        versions.map((row) => row.position),
        versions.map((row) => row.vrfOutput),
        versions.map((row) => row.vrfProof),
        versions.map((row) => row.commitment),
        versions.map((row) => row.opening),
        versions.map((row) => row.value),
      ],
    ],
    [
      LABELS,
      [logId, newest.map((row) => row.labelKey), newest.map((row) => row.label), newest.map((row) => row.version)],
    ],
    [SEQUENCED_INTENTS, [logId, labelKeys, numbers, versions.map((row) => row.submissionId)]],
  ];
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
