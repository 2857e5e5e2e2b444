import { ensure } from '../core/errors.ts';
import { distributeTables, type TablePlace } from '../store/citus/distributed-tables.ts';
import { chooseDatabase, type DatabaseOptions, describeDatabase } from './choose-database.ts';
import { DataFolder } from './data-folder.ts';

/** Options of {@link distributeDatabase}. */
export interface DistributeOptions extends Pick<DatabaseOptions, 'database'> {
  readonly data: string;
  /** Number of shards of each large table that is not distributed yet. Default 32. */
  readonly shards?: number | undefined;
}

/**
 * Distributes the large tables of a log's PostgreSQL over the workers of its Citus cluster. Servers can run meanwhile.
 * Does nothing for tables that are distributed. Throws `usage` for the embedded database, and what {@link
 * distributeTables} throws.
 */
export async function distributeDatabase({
  data,
  database,
  shards,
}: DistributeOptions): Promise<{ readonly place: string; readonly tables: readonly TablePlace[] }> {
  const chosen = await chooseDatabase(new DataFolder(data), { database });
  const url = chosen?.target;
  const advice = 'name the coordinator with --database, GLASSKEY_DATABASE or glasskey.toml';
  ensure(typeof url === 'string', 'usage', `only a PostgreSQL with Citus can be distributed: ${advice}`);
  return { place: describeDatabase(url), tables: await distributeTables(url, shards) };
}
