import { migratePostgres } from './migrate.ts';
import type { Store } from './ports.ts';
import { PostgresDriver } from './postgres-driver.ts';
import { chooseSynchronousCommit } from './postgres-durability.ts';
import { DEFAULT_POSTGRES_LIMITS, type PostgresLimits } from './postgres-pool.ts';
import { isTransactionPooled } from './postgres-pooler.ts';
import { sqlStore } from './sql-store.ts';

/** Options of {@link openPostgresStore}. */
export interface PostgresStoreOptions {
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  readonly limits?: Partial<PostgresLimits> | undefined;
  /** The origin of a log that the database must hold. Default: it may be empty. */
  readonly holds?: string | undefined;
}

/**
 * Opens a PostgreSQL database and brings it to this program's schema. Throws `storage-failed`, and `not-found` if it
 * lacks the log that it must hold.
 */
export async function openPostgresStore(url: string, options: PostgresStoreOptions = {}): Promise<Store> {
  const limits = { ...DEFAULT_POSTGRES_LIMITS, ...options.limits };
  // First, because the steps after it fail behind such a pooler without saying why.
  const isPooled = await isTransactionPooled(url, limits);
  await migratePostgres(url, limits, options.holds);
  const driver = new PostgresDriver(url, limits, await chooseSynchronousCommit(url, limits), isPooled);
  return sqlStore(driver, options.now ?? Date.now);
}
