import type { Sql } from 'postgres';
import { GlasskeyError } from '../core/errors.ts';
import { connectPlain, type PostgresLimits } from './postgres-pool.ts';
import { toStorageError } from './sql-error.ts';

/** Number of comparisons: under load, a pooler does not always give one server to two clients in turn. */
const ROUNDS = 8;

const POOLED =
  'a pooler in transaction mode is between this server and PostgreSQL: settings, advisory locks and LISTEN do not ' +
  'last there; connect to PostgreSQL itself, or pool sessions (PgBouncer: pool_mode = session)';

/**
 * Throws `storage-unsafe` if a pooler pools connections by transaction. Two open connections have their own sessions in
 * PostgreSQL and keep them; behind such a pooler, statements of both run in whichever session is free. Never throws it
 * for PostgreSQL itself or a pooler of sessions. A pooler under heavy load can go unnoticed. Throws `storage-failed`.
 */
export async function assertKeepsSessions(url: string, limits: PostgresLimits): Promise<void> {
  const [one, two] = [connectPlain(url, limits), connectPlain(url, limits)];
  try {
    const [first, second] = [await sessionOf(one), await sessionOf(two)];
    let keeps = first !== second;
    for (let round = 1; keeps && round < ROUNDS; round++) {
      keeps = (await sessionOf(one)) === first && (await sessionOf(two)) === second;
    }
    if (!keeps) throw new GlasskeyError('storage-unsafe', POOLED);
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
