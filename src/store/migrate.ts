import { readFileSync } from 'node:fs';
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
    const rows = await db.execute<{ newest: string }>(NEWEST_APPLIED);
    assertNotNewer(Number(rows[0]?.newest));
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
    const { rows } = await db.execute<{ newest: string }>(NEWEST_APPLIED);
    assertNotNewer(Number(rows[0]?.newest));
  } catch (error) {
    throw migrationError(error);
  }
}

const NEWEST_APPLIED = rawSql`select max(created_at)::text as newest from drizzle.__drizzle_migrations`;

/** Throws `storage-failed` if the schema is newer than this program, which must not write to it then. */
function assertNotNewer(newestApplied: number): void {
  const journal = JSON.parse(readFileSync(`${MIGRATIONS_FOLDER}/meta/_journal.json`, 'utf8')) as {
    entries: readonly { when: number }[];
  };
  const newestKnown = Math.max(...journal.entries.map((entry) => entry.when));
  if (newestApplied > newestKnown) {
    throw new GlasskeyError('storage-failed', 'the database was made by a newer version of glasskey');
  }
}

/** Returns the database's own error, with the SQLSTATE: drizzle puts it into `cause`. */
function migrationError(error: unknown): GlasskeyError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return toStorageError(cause);
}
