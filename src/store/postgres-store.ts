import { readPlacement } from './citus/distributed-tables.ts';
import type { IsSettled } from './citus/visibility.ts';
import { migratePostgres, type SchemaOptions } from './migrate.ts';
import type { Store } from './ports.ts';
import { PostgresDriver } from './postgres-driver.ts';
import { chooseSynchronousCommit } from './postgres-durability.ts';
import { DEFAULT_POSTGRES_LIMITS, type PostgresLimits } from './postgres-pool.ts';
import { assertKeepsSessions } from './postgres-pooler.ts';
import { sqlStore } from './sql-store.ts';

/** Options of {@link openPostgresStore}. */
export interface PostgresStoreOptions extends SchemaOptions {
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  readonly limits?: Partial<PostgresLimits> | undefined;
  /**
   * Uses the statements for distributed tables wherever the tables are, and this check in place of Citus's. Default:
   * the database says where they are.
   */
  readonly isSettled?: IsSettled | undefined;
}

/**
 * Opens a PostgreSQL database and brings it to this program's schema. Throws `usage` for the URL, `storage-failed`, and
 * `storage-unsafe`, before it writes anything, if sessions do not keep their settings or texts are not in UTF-8, and
 * `not-found` if it lacks the log that it must hold.
 */
export async function openPostgresStore(url: string, options: PostgresStoreOptions = {}): Promise<Store> {
  const limits = { ...DEFAULT_POSTGRES_LIMITS, ...options.limits };
  // First, because everything else fails behind such a pooler, perhaps only under load, without saying why.
  await assertKeepsSessions(url, limits);
  const synchronousCommit = await chooseSynchronousCommit(url, limits);
  await migratePostgres(url, limits, options);
  const isDistributed = options.isSettled !== undefined || (await readPlacement(url, limits));
  const driver = new PostgresDriver({ url, limits, synchronousCommit, isDistributed });
  return sqlStore(driver, options.now ?? Date.now, options.isSettled);
}
