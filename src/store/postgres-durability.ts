import { GlasskeyError } from '../core/errors.ts';
import { readPlacement } from './citus/distributed-tables.ts';
import { connectPlain, type PostgresLimits } from './postgres-pool.ts';
import { toStorageError } from './sql-error.ts';

/** The settings that decide if an acknowledged commit survives. */
interface DurabilitySettings {
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly standby_names: string;
  readonly in_recovery: boolean;
  readonly standbys: number;
  readonly encoding: string;
}

/** Reads the settings that a fresh connection of this user gets. Throws `storage-failed`. */
async function readSettings(url: string, limits: PostgresLimits): Promise<DurabilitySettings> {
  const sql = connectPlain(url, limits);
  try {
    const [row] = await sql.unsafe<DurabilitySettings[]>(
      `select current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
        current_setting('synchronous_commit') as synchronous_commit,
        current_setting('synchronous_standby_names') as standby_names, pg_is_in_recovery() as in_recovery,
        (select count(*) from pg_stat_replication) as standbys, current_setting('server_encoding') as encoding`,
    );
    if (row === undefined) throw new Error('no settings');
    return row;
  } catch (error) {
    throw toStorageError(error);
  } finally {
    await sql.end({ timeout: 1 }).catch(() => {});
  }
}

/**
 * The `synchronous_commit` that sessions pin: the server's, or `on` if that would acknowledge what is not durable.
 * Throws `storage-unsafe` for a database in another encoding than UTF-8, which could not hold every name.
 */
export async function chooseSynchronousCommit(url: string, limits: PostgresLimits): Promise<string> {
  const settings = await readSettings(url, limits);
  if (settings.encoding !== 'UTF8') {
    const advice = 'create one with "create database … encoding \'UTF8\' template template0"';
    throw new GlasskeyError(
      'storage-unsafe',
      `the database has the encoding ${settings.encoding}, not UTF8: ${advice}`,
    );
  }
  return settings.synchronous_commit === 'off' ? 'on' : settings.synchronous_commit;
}

/**
 * Throws `storage-unsafe` if PostgreSQL would acknowledge commits that a crash can lose. Returns a warning if a
 * failover could lose them.
 */
export async function checkPostgresDurability(
  url: string,
  limits: PostgresLimits,
): Promise<{ readonly warnings: readonly string[] }> {
  const settings = await readSettings(url, limits);
  for (const name of ['fsync', 'full_page_writes', 'synchronous_commit'] as const) {
    if (settings[name] === 'off') {
      throw new GlasskeyError('storage-unsafe', `PostgreSQL has ${name}=off: a crash could lose acknowledged commits`);
    }
  }
  await checkWorkers(url, limits);
  if (settings.in_recovery)
    throw new GlasskeyError('storage-unsafe', 'PostgreSQL is a standby: nothing can be written');
  const warnings: string[] = [];
  if (settings.standbys > 0 && settings.standby_names === '') {
    warnings.push(
      'PostgreSQL has standbys but no synchronous_standby_names: a failover could lose acknowledged commits',
    );
  }
  if (settings.standby_names !== '' && settings.synchronous_commit === 'local') {
    warnings.push('PostgreSQL has synchronous_commit=local: a failover could lose acknowledged commits');
  }
  return { warnings };
}

/** Settings that each worker of a Citus cluster has for this user, on one line. */
const WORKERS = `select nodename || ':' || nodeport as node, success, result from run_command_on_workers(
  $$select concat_ws(' ', 'fsync=' || current_setting('fsync'),
    'full_page_writes=' || current_setting('full_page_writes'),
    'synchronous_commit=' || current_setting('synchronous_commit'))$$)`;

/** Throws `storage-unsafe` if a worker could lose what a distributed transaction has prepared; `storage-failed`. */
async function checkWorkers(url: string, limits: PostgresLimits): Promise<void> {
  if (!(await readPlacement(url, limits))) return;
  const sql = connectPlain(url, limits);
  try {
    for (const { node, success, result } of await sql.unsafe(WORKERS)) {
      if (success !== true) throw new GlasskeyError('storage-failed', `the worker ${String(node)} does not answer`);
      const unsafe = /\S+=off/.exec(String(result))?.[0];
      if (unsafe === undefined) continue;
      throw new GlasskeyError(
        'storage-unsafe',
        `${String(node)} has ${unsafe}: a crash could lose acknowledged commits`,
      );
    }
  } catch (error) {
    throw toStorageError(error);
  } finally {
    await sql.end({ timeout: 1 }).catch(() => {});
  }
}
