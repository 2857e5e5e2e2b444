import type { Sql } from 'postgres';
import { connectPlain, type PostgresLimits } from './postgres-pool.ts';
import { toStorageError } from './sql-error.ts';

/** Number of comparisons: under load, a pooler does not always give one server to two clients in turn. */
const ROUNDS = 8;

/** Warning to the operator. */
export const POOLER_WARNING =
  'a pooler in transaction mode is between this server and PostgreSQL: advisory locks and LISTEN do not work, ' +
  'so that several servers append at once and wait for each other by polling; ' +
  'connect to PostgreSQL itself, or pool sessions';

/**
 * Returns true if a pooler pools connections by transaction. Two open connections have their own sessions in PostgreSQL
 * and keep them; behind such a pooler, statements of both run in whichever session is free. Never true for PostgreSQL
 * itself or a pooler of sessions. A pooler under heavy load can go unnoticed. Throws `storage-failed`.
 */
export async function isTransactionPooled(url: string, limits: PostgresLimits): Promise<boolean> {
  const [one, two] = [connectPlain(url, limits), connectPlain(url, limits)];
  try {
    const [first, second] = [await sessionOf(one), await sessionOf(two)];
    if (first === second) return true;
    for (let round = 1; round < ROUNDS; round++) {
      if ((await sessionOf(one)) !== first || (await sessionOf(two)) !== second) return true;
    }
    return false;
  } catch (error) {
    throw toStorageError(error);
  } finally {
    await Promise.all([one, two].map((sql) => sql.end({ timeout: 1 }).catch(() => {})));
  }
}

async function sessionOf(sql: Sql): Promise<unknown> {
  const [row] = await sql.unsafe('select pg_backend_pid() as session');
  return row?.['session'];
}
