import { fileURLToPath } from 'node:url';
import { sql as rawSql } from 'drizzle-orm';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { migrate as runOnPglite } from 'drizzle-orm/pglite/migrator';
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js';
import { migrate as runOnPostgres } from 'drizzle-orm/postgres-js/migrator';
import type { PGlite } from '@electric-sql/pglite';
import { GlasskeyError } from '../core/errors.ts';
import { connectPlain, type PostgresLimits } from './postgres-pool.ts';
import { toStorageError } from './sql-error.ts';
import { NEWEST_FORMAT } from './stored-format.ts';

/** The folder of the committed migrations: beside `src/` in the repository, beside `dist/` in the package. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Advisory lock of migrations: if several servers start at once, one migrates and the others wait. */
const LOCK_KEY = 0x676c6b6d;

/** Brings a PostgreSQL database to this program's schema. Throws `storage-failed`. */
export async function migratePostgres(url: string, limits: PostgresLimits): Promise<void> {
  const client = connectPlain(url, limits);
  try {
    await client.unsafe(`select pg_advisory_lock(${LOCK_KEY})`);
    const db = drizzlePostgres(client);
    await runOnPostgres(db, { migrationsFolder: MIGRATIONS_FOLDER });
    const rows = await db.execute<{ format: string | null }>(FORMAT);
    assertReadable(Number(rows[0]?.format ?? 1));
  } catch (error) {
    throw migrationError(error);
  } finally {
    // Ending the session releases the lock.
    await client.end({ timeout: 1 }).catch(() => {});
  }
}

/** Brings an embedded database to this program's schema. Throws `storage-failed`. */
export async function migratePglite(client: PGlite): Promise<void> {
  try {
    const db = drizzlePglite(client);
    await runOnPglite(db, { migrationsFolder: MIGRATIONS_FOLDER });
    const { rows } = await db.execute<{ format: string | null }>(FORMAT);
    assertReadable(Number(rows[0]?.format ?? 1));
  } catch (error) {
    throw migrationError(error);
  }
}

/** The newest format of any log in the database. */
const FORMAT = rawSql`select max(format)::text as format from logs`;

/** Throws `storage-failed` if rows may have a format that this program cannot read. */
function assertReadable(format: number): void {
  if (format <= NEWEST_FORMAT) return;
  const known = `the format of the database is ${format}, and this program knows ${NEWEST_FORMAT}`;
  throw new GlasskeyError('storage-failed', `${known}: it was upgraded; start the newer version (docs/upgrade.md)`);
}

/** Returns the database's own error, with the SQLSTATE: drizzle puts it into `cause`. */
function migrationError(error: unknown): GlasskeyError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return toStorageError(cause);
}
