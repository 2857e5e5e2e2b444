import { hostname } from 'node:os';
import type { Sql } from 'postgres';
import type { WriterLock } from './ports.ts';
import { connectSession, type PostgresLimits } from './postgres-pool.ts';
import { toStorageError } from './sql-error.ts';
import { LOCK_CLASS, lockLost } from './writer-lock.ts';

/** Options of {@link lockPostgres}. */
export interface PostgresLockOptions {
  readonly url: string;
  readonly limits: PostgresLimits;
  readonly logId: number;
}

const TAKE = `select pg_backend_pid() as session, pg_try_advisory_lock($1::int4, $2::int4) as locked,
  set_config('application_name', $3, false)`;

/** The name of the lock's session, by which `glasskey admin status` shows the writer. PostgreSQL keeps 63 bytes. */
const WRITER_NAME = `glasskey writer ${hostname()} pid ${process.pid}`;

/**
 * Ends the session of an earlier writer that was stopped inside its append, before the commit. It holds the row of the
 * head, and no timeout of PostgreSQL ends it: the statement is done, and its transaction is not idle. Sessions that
 * execute something are left alone; the compare-and-swap is for those.
 */
const END_STOPPED = `select pg_terminate_backend(holder.pid) from heads
  join pg_locks as held on held.locktype = 'transactionid' and held.transactionid = heads.xmax and held.granted
  join pg_stat_activity as holder on holder.pid = held.pid
  where heads.log_id = $1::int4 and holder.usename = current_user and holder.application_name = 'glasskey'
    and holder.wait_event_type = 'Client'`;

/**
 * Tries `pg_try_advisory_lock` on its own connection, which holds the lock for as long as it lives and is renewed.
 * Returns undefined if another session holds the lock. Throws `storage-failed`, and `storage-unsafe` if the lease is
 * not in force.
 */
export async function lockPostgres({ url, limits, logId }: PostgresLockOptions): Promise<WriterLock | undefined> {
  let isHeld = true;
  let lose!: () => void;
  const lost = new Promise<void>((resolve) => {
    lose = () => {
      isHeld = false;
      resolve();
    };
  });
  // PostgreSQL ends a session that stays idle for longer than the lease, and with it the lock, whether its holder is
  // stopped, broken or out of reach.
  const lease = { idle_session_timeout: String(limits.leaseMs) };
  const connection = connectSession(url, limits, { idle_timeout: 0, onclose: () => lose() }, lease);
  let session: number | undefined;
  try {
    session = await take(connection, logId);
    if (session !== undefined) await connection.unsafe(END_STOPPED, [String(logId)]);
  } catch (error) {
    await connection.end({ timeout: 0 });
    throw toStorageError(error);
  }
  if (session === undefined) {
    await connection.end({ timeout: 1 });
    return undefined;
  }
  const end = (): Promise<void> => connection.end({ timeout: 1 });
  // A client that reconnects by itself would look alive without the lock: end it for good.
  void lost.then(end, end);
  const renew = async (): Promise<void> => {
    const found = await sessionOf(connection, limits.leaseMs / 2).catch(() => undefined);
    if (found !== undefined && found === session) return;
    lose();
    throw lockLost();
  };
  const release = (): Promise<void> => {
    lose();
    return end();
  };
  return { session, lost, isHeld: () => isHeld, renew, release };
}

/** Returns the session that got the lock. */
async function take(connection: Sql, logId: number): Promise<number | undefined> {
  const [row] = await connection.unsafe(TAKE, [String(LOCK_CLASS), String(logId), WRITER_NAME]);
  return row?.['locked'] === true ? Number(row['session']) : undefined;
}

/** Returns the session in which the connection's statements run. Rejects if it does not answer in time. */
async function sessionOf(connection: Sql, timeoutMs: number): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), timeoutMs);
  });
  try {
    const [row] = await Promise.race([connection.unsafe('select pg_backend_pid() as session'), late]);
    return Number(row?.['session']);
  } finally {
    clearTimeout(timer);
  }
}
