import { openPgliteStore, type PgliteTarget } from './pglite-store.ts';
import type { Store } from './ports.ts';
import { openPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';

/** The place of a database: a `postgres://` URL, or the folder of an embedded one. */
export type StoreTarget = string | PgliteTarget;

/**
 * Opens a database and brings it to this program's schema, unless it only reads. Throws `storage-failed`,
 * `storage-locked` if another process uses the folder, and `not-found`, having changed nothing, if the database lacks
 * the log that it must hold. {@link Store.checkDurability} says if the database is safe to use.
 */
export async function openStore(
  target: StoreTarget,
  { limits, ...options }: PostgresStoreOptions = {},
): Promise<Store> {
  if (typeof target !== 'string') return openPgliteStore(target, { ...options, leaseMs: limits?.leaseMs });
  return openPostgresStore(target, { ...options, limits });
}
