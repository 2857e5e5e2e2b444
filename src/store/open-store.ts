import { openPgliteStore, type PgliteTarget } from './pglite-store.ts';
import type { Store } from './ports.ts';
import { openPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';

/** Options of {@link openStore}. */
export interface OpenStoreOptions extends PostgresStoreOptions {
  /** The origin of a log that the database must hold. Default: it may be empty, or not exist yet. */
  readonly holds?: string | undefined;
}

/** The place of a database: a `postgres://` URL, or the folder of an embedded one. */
export type StoreTarget = string | PgliteTarget;

/**
 * Opens a database and brings it to this program's schema. Throws `storage-failed`, `storage-locked` if another process
 * uses the folder, and `not-found`, having changed nothing, if the database lacks the log that it must hold.
 * {@link Store.checkDurability} says if the database is safe to use.
 */
export async function openStore(target: StoreTarget, options: OpenStoreOptions = {}): Promise<Store> {
  if (typeof target !== 'string')
    return openPgliteStore(target, { now: options.now, leaseMs: options.limits?.leaseMs, holds: options.holds });
  return openPostgresStore(target, options);
}
