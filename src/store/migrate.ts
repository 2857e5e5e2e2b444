import { sql as rawSql, type SQL } from 'drizzle-orm';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { migrate as runOnPglite } from 'drizzle-orm/pglite/migrator';
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js';
import { migrate as runOnPostgres } from 'drizzle-orm/postgres-js/migrator';
import type { PGlite } from '@electric-sql/pglite';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { assertNotMoved, movedName } from './moved-log.ts';
import { connectPlain, type PostgresLimits } from './postgres-pool.ts';
import { MIGRATIONS_FOLDER, readSchemaVersions, type TextRow } from './schema-versions.ts';
import { toStorageError } from './sql-error.ts';
import { NEWEST_FORMAT } from './stored-format.ts';

/** Advisory lock of migrations: if several servers start at once, one migrates and the others wait. */
export const LOCK_KEY = 0x676c6b6d;

/** Conditions for opening a database. */
export interface SchemaOptions {
  /** The origin of a log that it must hold. Default: it may be empty. */
  readonly holds?: string | undefined;
  /** True for a program that only reads: a database with an older schema is refused, not migrated. Default: false. */
  readonly onlyReads?: boolean | undefined;
}

/**
 * Brings a PostgreSQL database to this program's schema. Throws `storage-failed`, and `not-found` before any change if
 * the database does not hold the log `holds`; `usage` if that has moved to another database.
 */
export async function migratePostgres(url: string, limits: PostgresLimits, options: SchemaOptions = {}): Promise<void> {
  const { holds, onlyReads = false } = options;
  const client = connectPlain(url, limits);
  try {
    if (!onlyReads) await client.unsafe(`select pg_advisory_lock(${LOCK_KEY})`);
    const db = drizzlePostgres(client);
    const execute = async (query: SQL) => db.execute(query);
    if (holds !== undefined) await assertHolds(execute, holds);
    if (onlyReads) await assertMigrated((text) => client.unsafe<TextRow[]>(text));
    else await runOnPostgres(db, { migrationsFolder: MIGRATIONS_FOLDER });
    const rows = await db.execute<{ format: string | null }>(FORMAT);
    assertReadable(Number(rows[0]?.format ?? 1));
  } catch (error) {
    throw migrationError(error);
  } finally {
    // Ending the session releases the lock.
    await client.end({ timeout: 1 }).catch(() => {});
  }
}

/** Brings an embedded database to this program's schema, as {@link migratePostgres} does. */
export async function migratePglite(client: PGlite, { holds, onlyReads = false }: SchemaOptions = {}): Promise<void> {
  try {
    const db = drizzlePglite(client);
    const execute = async (query: SQL) => (await db.execute(query)).rows;
    if (holds !== undefined) await assertHolds(execute, holds);
    if (onlyReads) await assertMigrated(async (text) => (await client.query<TextRow>(text)).rows);
    else await runOnPglite(db, { migrationsFolder: MIGRATIONS_FOLDER });
    const { rows } = await db.execute<{ format: string | null }>(FORMAT);
    assertReadable(Number(rows[0]?.format ?? 1));
  } catch (error) {
    throw migrationError(error);
  }
}

/** The newest format of any log in the database. */
const FORMAT = rawSql`select max(format)::text as format from logs`;

/** Throws `not-found` or `usage` unless a database, of any version of the schema or none, holds a log. */
async function assertHolds(
  execute: (query: SQL) => Promise<readonly Record<string, unknown>[]>,
  origin: string,
): Promise<void> {
  const [table] = await execute(rawSql`select to_regclass('logs') is not null as exists`);
  const hasName = rawSql`origin = ${origin} or starts_with(origin, ${movedName(origin, '')})`;
  const rows = table?.['exists'] === true ? await execute(rawSql`select origin from logs where ${hasName}`) : [];
  const names = rows.map((row) => String(row['origin']));
  ensure(names.length > 0, 'not-found', `the database does not hold the log ${origin}`);
  if (!names.includes(origin)) assertNotMoved(origin, names);
}

/** Throws `storage-failed` unless a database has this program's schema or a newer one. */
async function assertMigrated(read: (text: string) => Promise<readonly TextRow[]>): Promise<void> {
  const { relation, database = 'none', program } = await readSchemaVersions(read);
  if (relation === 'same' || relation === 'newer') return;
  const found = `the schema of the database is ${database}, this program needs ${program}, and only reads`;
  const advice = 'use the release of the running servers, or upgrade them: the first server of this release migrates';
  throw new GlasskeyError('storage-failed', `${found}. Next: ${advice} (docs/upgrade.md)`);
}

/** Throws `storage-failed` if rows may have a format that this program cannot read. */
function assertReadable(format: number): void {
  if (format <= NEWEST_FORMAT) return;
  const known = `the format of the database is ${format}, and this program knows ${NEWEST_FORMAT}`;
  throw new GlasskeyError('storage-failed', `${known}: it was upgraded; start the newer version (docs/upgrade.md)`);
}

/** Returns the database's own error, with the SQLSTATE: drizzle puts it into `cause`. */
function migrationError(error: unknown): GlasskeyError {
  if (isGlasskeyError(error)) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return toStorageError(cause);
}
