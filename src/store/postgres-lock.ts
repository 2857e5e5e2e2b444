import type { Sql } from 'postgres';
import { connectSession, type PostgresLimits } from './postgres-pool.ts';
import type { SqlLock } from './sql-driver.ts';
import { toStorageError } from './sql-error.ts';

/** First key of Glasskey's advisory locks on logs; the second is the log's id. */
const LOCK_CLASS = 0x676c6b79;
const HEARTBEAT_MS = 5_000;

/**
 * Tries `pg_try_advisory_lock` on its own connection, which holds the lock for as long as it lives. It probes the
 * connection, to notice a network partition too. Returns undefined if another session holds the lock.
 */
export async function lockPostgres(url: string, limits: PostgresLimits, logId: number): Promise<SqlLock | undefined> {
  let lose!: () => void;
  const lost = new Promise<void>((resolve) => {
    lose = resolve;
  });
  let released = false;
  const session = connectSession(url, limits, {
    idle_timeout: 0,
    onclose: () => {
      if (!released) lose();
    },
  });
  try {
    const [row] = await session.unsafe('select pg_try_advisory_lock($1::int4, $2::int4) as locked', [
      String(LOCK_CLASS),
      String(logId),
    ]);
    if (row?.['locked'] !== true) {
      released = true;
      await session.end({ timeout: 1 });
      return undefined;
    }
  } catch (error) {
    await session.end({ timeout: 0 });
    throw toStorageError(error);
  }
  const heartbeat = setInterval(() => {
    void probe(session).catch(lose);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const end = async (): Promise<void> => {
    released = true;
    clearInterval(heartbeat);
    await session.end({ timeout: 1 });
  };
  // A client that reconnects by itself would look alive without the lock: end it for good.
  void lost.then(end, end);
  return { lost, release: end };
}

/** Rejects unless the session answers within the heartbeat's interval. */
async function probe(session: Sql): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), HEARTBEAT_MS);
  });
  try {
    await Promise.race([session.unsafe('select 1'), late]);
  } finally {
    clearTimeout(timer);
  }
}
