import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { lockFolder } from './folder-lock.ts';
import { migratePglite } from './migrate.ts';
import { PgliteDriver } from './pglite-driver.ts';
import type { Store } from './ports.ts';
import { toStorageError } from './sql-error.ts';
import { sqlStore } from './sql-store.ts';
import { WRITER_LEASE_MS } from './writer-lock.ts';

/**
 * The folder of an embedded database, created if it is missing; or a database that the caller has opened and
 * can look into.
 */
export type PgliteTarget = { readonly dataDir: string } | { readonly database: PGlite };

const WARNING =
  'the embedded database does not flush to disk (fsync): a power failure can lose acknowledged registrations. ' +
  'It is for trying out; use PostgreSQL for service';

/** The same plans as on PostgreSQL: rows are found by primary key. */
const SESSION = 'set enable_seqscan = off; set jit = off';

/** Options of {@link openPgliteStore}. */
export interface PgliteStoreOptions {
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** The lease of the writer's lock, ms. Default {@link WRITER_LEASE_MS}. */
  readonly leaseMs?: number | undefined;
}

/**
 * Opens an embedded PostgreSQL in this process and brings it to this program's schema. Takes the folder's lock: two
 * processes on one folder would lose rows. Throws `storage-locked`, `storage-failed`.
 */
export async function openPgliteStore(target: PgliteTarget, options: PgliteStoreOptions = {}): Promise<Store> {
  if ('database' in target) return serve(target.database, async () => {}, options);
  await mkdir(target.dataDir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw toStorageError(error);
  });
  const lock = await lockFolder(target.dataDir);
  try {
    return await open(join(target.dataDir, 'database'), () => lock.release(), options);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function open(dataDir: string, onClose: () => Promise<void>, options: PgliteStoreOptions): Promise<Store> {
  let database: PGlite | undefined;
  try {
    database = await PGlite.create(dataDir);
    return await serve(database, onClose, options);
  } catch (error) {
    await database?.close().catch(() => {});
    throw toStorageError(error);
  }
}

async function serve(
  database: PGlite,
  onClose: () => Promise<void>,
  { now = Date.now, leaseMs = WRITER_LEASE_MS }: PgliteStoreOptions,
): Promise<Store> {
  await migratePglite(database);
  await database.exec(SESSION);
  return sqlStore(new PgliteDriver(database, [WARNING], onClose, leaseMs), now);
}
