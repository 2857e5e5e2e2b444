import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { ensure } from '../core/errors.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { migratePglite, type SchemaOptions } from './migrate.ts';
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
export interface PgliteStoreOptions extends SchemaOptions {
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** The lease of the writer's lock, ms. Default {@link WRITER_LEASE_MS}. */
  readonly leaseMs?: number | undefined;
}

/**
 * Opens an embedded PostgreSQL in this process and brings it to this program's schema. Takes the folder's lock: two
 * processes on one folder would lose rows. Throws `storage-locked`, `storage-failed`, `not-found` if it lacks the log
 * that it must hold.
 */
export async function openPgliteStore(target: PgliteTarget, options: PgliteStoreOptions = {}): Promise<Store> {
  if ('database' in target) return serve(target.database, async () => {}, options);
  if (options.holds !== undefined) assertExists(target.dataDir);
  await mkdir(target.dataDir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw toStorageError(error);
  });
  const { database, lock } = await openDatabase(target.dataDir);
  try {
    return await serve(database, () => lock.release(), options);
  } catch (error) {
    await database.close().catch(() => {});
    await lock.release();
    throw toStorageError(error);
  }
}

/** An embedded database with its folder's lock, for a program that moves its rows. */
export interface OpenPglite {
  readonly database: PGlite;
  /** Closes the database and gives the folder back. */
  close(): Promise<void>;
}

/**
 * Opens the embedded database of a folder, which must exist, and brings it to this program's schema. Throws
 * `not-found`, `storage-locked` while a server uses it, `storage-failed`.
 */
export async function openPglite(dataDir: string): Promise<OpenPglite> {
  assertExists(dataDir);
  const { database, lock } = await openDatabase(dataDir);
  const close = async (): Promise<void> => {
    await database.close();
    await lock.release();
  };
  try {
    await migratePglite(database);
    return { database, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function assertExists(dataDir: string): void {
  ensure(existsSync(join(dataDir, 'database')), 'not-found', `there is no database in ${dataDir}`);
}

/** Takes the lock of a folder, and opens the database in it. */
async function openDatabase(dataDir: string): Promise<{ readonly database: PGlite; readonly lock: FolderLock }> {
  const lock = await lockFolder(dataDir);
  try {
    return { database: await PGlite.create(join(dataDir, 'database')), lock };
  } catch (error) {
    await lock.release();
    throw toStorageError(error);
  }
}

async function serve(
  database: PGlite,
  onClose: () => Promise<void>,
  { now = Date.now, leaseMs = WRITER_LEASE_MS, ...schema }: PgliteStoreOptions,
): Promise<Store> {
  await migratePglite(database, schema);
  await database.exec(SESSION);
  return sqlStore(new PgliteDriver(database, [WARNING], onClose, leaseMs), now);
}
