import { createHash } from 'node:crypto';
import { and, eq, lt, sql } from 'drizzle-orm';
import { ensure } from '../core/errors.ts';
import { append } from './append.ts';
import { adaptiveLogStore } from './citus/adaptive-log-store.ts';
import { distributedLogStore } from './citus/distributed-log-store.ts';
import type { IsSettled } from './citus/visibility.ts';
import { auditorRows } from './auditor-rows.ts';
import { certificateRows } from './certificate-rows.ts';
import { erasureRows } from './erasure-rows.ts';
import { acmeAccountRows } from './acme-account-rows.ts';
import { acmeOrderRows } from './acme-order-rows.ts';
import { emailChallengeRows } from './email-challenge-rows.ts';
import { recoveryRows } from './recovery-rows.ts';
import { revocationRows } from './revocation-rows.ts';
import { EventHub } from './event-hub.ts';
import { issuanceRows } from './issuance-rows.ts';
import { labelRows } from './label-rows.ts';
import { logRows } from './log-rows.ts';
import { notifyRows } from './notify-rows.ts';
import { pruningRows } from './pruning-rows.ts';
import { assertNotMoved, movedName } from './moved-log.ts';
import type { LogRow, LogStore, NewLog, Store } from './ports.ts';
import { RowSeals } from './row-seals.ts';
import { sealedRows } from './sealed-rows.ts';
import { Queries } from './queries.ts';
import { release } from './release.ts';
import type { StoreContext } from './rows.ts';
import { heads, logs } from './schema.ts';
import type { SqlDriver } from './sql-driver.ts';
import { isUniqueViolation, SqlError } from './sql-error.ts';
import { givenAs } from './statement.ts';
import { NEWEST_FORMAT } from './stored-format.ts';
import { tileRows } from './tile-rows.ts';
import { tokenRows } from './token-rows.ts';
import { trailRows } from './trail-rows.ts';

const NO_HASH = new Uint8Array(32);
const NO_BYTES = new Uint8Array(0);

/**
 * Implements {@link Store} over either database. `isSettled` replaces the check of a distributed one that its nodes
 * show what is committed.
 */
export function sqlStore(driver: SqlDriver, now: () => number, isSettled?: IsSettled): Store {
  const hub = new EventHub(driver);
  const queries = new Queries(driver);
  return {
    kind: driver.kind,

    async ping() {
      await driver.reserved.query('select 1 as one', []);
    },

    checkDurability: () => driver.checkDurability(),
    createLog: (log) => createLog(queries, log),

    async findLog(origin) {
      const [row] = await queries.run((db) => db.select().from(logs).where(eq(logs.origin, origin)));
      return row;
    },

    async readFormat(origin) {
      const { format } = logs;
      const [row] = await queries.run((db) => db.select({ format }).from(logs).where(eq(logs.origin, origin)));
      return row?.format;
    },

    async raiseFormat(origin, format) {
      const isLower = and(eq(logs.origin, origin), lt(logs.format, format));
      const raised = await queries.run((db) =>
        db.update(logs).set({ format }).where(isLower).returning({ logId: logs.logId }),
      );
      return raised.length === 1;
    },

    async findLogById(logId) {
      const [row] = await queries.run((db) => db.select().from(logs).where(eq(logs.logId, logId)));
      return row;
    },

    async replaceConfiguration({ logId, configuration }, next) {
      const unchanged = and(eq(logs.logId, logId), eq(logs.configuration, configuration));
      const replaced = await queries.run((db) =>
        db.update(logs).set({ configuration: next }).where(unchanged).returning({ logId: logs.logId }),
      );
      return replaced.length === 1;
    },

    log(logId, { sealing, reserved = false } = {}) {
      const seals = sealing && new RowSeals(sealing);
      const used = reserved ? { driver: driver.reserved, queries: new Queries(driver.reserved) } : { driver, queries };
      return logStore({ ...used, logId, now, seals }, { driver, hub, isSettled });
    },
    close: () => driver.close(),
  };
}

async function createLog(queries: Queries, { origin, configuration, format = NEWEST_FORMAT }: NewLog): Promise<LogRow> {
  const emptyAuditRoot = new Uint8Array(createHash('sha256').digest());
  const hasMoved = sql`starts_with(${logs.origin}, ${movedName(origin, '')})`;
  const moved = await queries.run((db) => db.select({ name: logs.origin }).from(logs).where(hasMoved));
  assertNotMoved(
    origin,
    moved.map(({ name }) => name),
  );
  try {
    const [row] = await queries.run((db) => {
      const created = db.$with('created').as(db.insert(logs).values({ origin, configuration, format }).returning());
      const empty = db
        .select({
          logId: created.logId,
          size: givenAs(heads.size, 0),
          timestampMs: givenAs(heads.timestampMs, 0),
          prefixRoot: givenAs(heads.prefixRoot, NO_HASH),
          prefixTilePosition: givenAs(heads.prefixTilePosition, null),
          prefixTileCounter: givenAs(heads.prefixTileCounter, null),
          logRoot: givenAs(heads.logRoot, NO_HASH),
          auditRoot: givenAs(heads.auditRoot, emptyAuditRoot),
          logEdge: givenAs(heads.logEdge, NO_BYTES),
          auditEdge: givenAs(heads.auditEdge, NO_BYTES),
          logEnd: givenAs(heads.logEnd, null),
          mac: givenAs(heads.mac, null),
        })
        .from(created);
      const head = db.$with('head').as(db.insert(heads).select(empty));
      return db.with(created, head).select().from(created);
    });
    ensure(row !== undefined, 'storage-failed', 'the log was not stored');
    return row;
  } catch (error) {
    if (isUniqueViolation(error)) throw new SqlError(`the database already has a log of origin ${origin}`, '23505');
    throw error;
  }
}

type LogParts = Pick<StoreContext, 'driver' | 'queries' | 'logId' | 'now' | 'seals'>;

interface Shared {
  readonly driver: SqlDriver;
  readonly hub: EventHub;
  readonly isSettled: IsSettled | undefined;
}

function logStore(parts: LogParts, { driver: sql, hub, isSettled }: Shared): LogStore {
  const { logId } = parts;
  const context: StoreContext = {
    ...parts,
    eventValues: (event) => hub.eventValues(logId, event),
    emit: (event) => hub.emit(logId, event),
    emitSubmitted: () => hub.submitted(logId),
  };
  const together: LogStore = {
    ...logRows(context),
    ...tileRows(context),
    ...auditorRows(context),
    ...pruningRows(context),
    ...labelRows(context),
    ...issuanceRows(context),
    ...certificateRows(context),
    ...revocationRows(context),
    ...erasureRows(context),
    ...trailRows(context),
    ...tokenRows(context),
    ...emailChallengeRows(context),
    ...acmeAccountRows(context),
    ...acmeOrderRows(context),
    ...recoveryRows(context),
    ...notifyRows(context),
    ...sealedRows(context),
    append: (batch) => append(context, batch),
    release: (head) => release(context, head),
    tryWriterLock: () => sql.tryLock(logId),
    subscribe: (listener) => hub.subscribe(logId, listener),
  };
  const { placement } = sql;
  return placement === undefined
    ? together
    : adaptiveLogStore(placement, together, distributedLogStore(context, together, isSettled));
}
