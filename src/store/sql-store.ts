import { createHash } from 'node:crypto';
import { ensure } from '../core/errors.ts';
import { append } from './append.ts';
import { auditorRows } from './auditor-rows.ts';
import { certificateRows } from './certificate-rows.ts';
import { erasureRows } from './erasure-rows.ts';
import { emailChallengeRows } from './email-challenge-rows.ts';
import { recoveryRows } from './recovery-rows.ts';
import { EventHub } from './event-hub.ts';
import { issuanceRows } from './issuance-rows.ts';
import { labelRows } from './label-rows.ts';
import { logRows } from './log-rows.ts';
import { pruningRows } from './pruning-rows.ts';
import type { LogRow, LogStore, NewLog, Store } from './ports.ts';
import { Queries } from './queries.ts';
import type { StoreContext } from './rows.ts';
import type { SqlDriver } from './sql-driver.ts';
import { isUniqueViolation, SqlError } from './sql-error.ts';
import { tokenRows } from './token-rows.ts';
import { trailRows } from './trail-rows.ts';

type LogColumns = { readonly log_id: number; readonly origin: string; readonly configuration: Uint8Array };

const NO_HASH = new Uint8Array(32);
const NO_BYTES = new Uint8Array(0);

const CREATE_LOG = `with created as (
    insert into logs (origin, configuration) values ($1, $2) returning log_id, origin, configuration),
  head as (
    insert into heads (log_id, size, timestamp_ms, prefix_root, log_root, audit_root, log_edge, audit_edge)
    select log_id, 0, 0, $3, $3, $4, $5, $5 from created)
  select * from created`;

const FIND_LOG = 'select log_id, origin, configuration from logs where origin = $1';

const REPLACE_CONFIGURATION = 'update logs set configuration = $3 where log_id = $1 and configuration = $2';

/** The store's port over either database: every statement is written once. */
export function sqlStore(sql: SqlDriver, now: () => number): Store {
  const hub = new EventHub(sql);
  const queries = new Queries(sql);
  return {
    kind: sql.kind,

    async ping() {
      await sql.query('select 1 as one', []);
    },

    checkDurability: () => sql.checkDurability(),
    createLog: (log) => createLog(sql, log),

    async findLog(origin) {
      const [row] = await sql.query<LogColumns>(FIND_LOG, [origin]);
      return row === undefined ? undefined : toLog(row);
    },

    async replaceConfiguration({ logId, configuration }, next) {
      return (await sql.execute(REPLACE_CONFIGURATION, [logId, configuration, next])) === 1;
    },

    log: (logId) => logStore(sql, queries, hub, logId, now),
    close: () => sql.close(),
  };
}

async function createLog(sql: SqlDriver, log: NewLog): Promise<LogRow> {
  const emptyAuditRoot = new Uint8Array(createHash('sha256').digest());
  try {
    const parameters = [log.origin, log.configuration, NO_HASH, emptyAuditRoot, NO_BYTES];
    const [row] = await sql.query<LogColumns>(CREATE_LOG, parameters);
    ensure(row !== undefined, 'storage-failed', 'the log was not stored');
    return toLog(row);
  } catch (error) {
    if (isUniqueViolation(error)) throw new SqlError(`the database has a log of origin ${log.origin} already`, '23505');
    throw error;
  }
}

function logStore(sql: SqlDriver, queries: Queries, hub: EventHub, logId: number, now: () => number): LogStore {
  const context: StoreContext = {
    driver: sql,
    queries,
    logId,
    now,
    eventValues: (event) => hub.eventValues(logId, event),
    emit: (event) => hub.emit(logId, event),
    emitSubmitted: () => hub.submitted(logId),
  };
  return {
    ...logRows(context),
    ...auditorRows(context),
    ...pruningRows(context),
    ...labelRows(context),
    ...issuanceRows(context),
    ...certificateRows(context),
    ...erasureRows(context),
    ...trailRows(context),
    ...tokenRows(context),
    ...emailChallengeRows(context),
    ...recoveryRows(context),
    append: (batch) => append(context, batch),
    tryWriterLock: () => sql.tryLock(logId),
    subscribe: (listener) => hub.subscribe(logId, listener),
  };
}

function toLog(row: LogColumns): LogRow {
  return { logId: row.log_id, origin: row.origin, configuration: row.configuration };
}
