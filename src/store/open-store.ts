import { ensure } from '../core/errors.ts';
import { openPgliteStore, type PgliteTarget } from './pglite-store.ts';
import type { Store } from './ports.ts';
import { openPostgresStore, type PostgresStoreOptions } from './postgres-store.ts';

/** The place of a database: a `postgres://` URL, or the folder of an embedded one. */
export type StoreTarget = string | PgliteTarget;

/**
 * Opens a database and brings it to this program's schema. Throws `storage-failed`, and `storage-locked` if another
 * process uses the folder. {@link Store.checkDurability} says if the database is safe to use.
 */
export async function openStore(target: StoreTarget, options: PostgresStoreOptions = {}): Promise<Store> {
  if (typeof target !== 'string')
    return openPgliteStore(target, { now: options.now, leaseMs: options.limits?.leaseMs });
  ensure(/^postgres(?:ql)?:\/\//.test(target), 'usage', 'a database is named by a postgres:// URL');
  return openPostgresStore(target, options);
}
