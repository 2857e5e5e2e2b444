import { type Placeholder, type SQL, sql } from 'drizzle-orm';
import { GlasskeyError } from '../core/errors.ts';

/** First key of Glasskey's advisory locks on logs; the second is the log's id. */
export const LOCK_CLASS = 0x676c6b79;

/**
 * The lease of the writer's lock, ms: the database takes the lock away from a holder that has not renewed it for so
 * long. Another server then needs about 2 s to take over.
 */
export const WRITER_LEASE_MS = 6_000;

/** Returns the error of a holder whose lease ran out or whose connection broke. */
export function lockLost(): GlasskeyError {
  return new GlasskeyError('head-moved', 'this process has lost the writer lock: another one may have appended');
}

/**
 * A condition of a statement: this session of PostgreSQL holds the lock of a log, or `session` is null. PostgreSQL
 * checks it when the statement runs, so a statement that was stopped on its way fails after its sender's lease.
 */
export function holdsLock(log: Placeholder, session: Placeholder): SQL {
  return sql`(${session}::int4 is null or exists (
    select 1 from pg_locks where locktype = 'advisory' and pid = ${session}::int4 and granted
      and database = (select oid from pg_database where datname = current_database())
      and classid = ${sql.raw(String(LOCK_CLASS))} and objid = ${log}::int4::oid and objsubid = 2))`;
}
