import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { ensure } from '../core/errors.ts';
import { lockFolder } from './folder-lock.ts';
import { MIGRATIONS_FOLDER } from './migrate.ts';
import { connectPlain, DEFAULT_POSTGRES_LIMITS } from './postgres-pool.ts';
import { toStorageError } from './sql-error.ts';
import { NEWEST_FORMAT } from './stored-format.ts';

/** A row as text: every column of an inspection is cast to text, whatever the driver would make of it. */
export type TextRow = Readonly<Record<string, string | null>>;

/** A database that is looked at as it is: nothing is migrated, created or locked against servers. */
export interface InspectedDatabase {
  readonly kind: 'postgres' | 'pglite';
  /** Runs a statement that reads, with `$1…` parameters. Throws `storage-failed`. */
  read(text: string, parameters?: readonly string[]): Promise<readonly TextRow[]>;
  close(): Promise<void>;
}

/**
 * Opens a database to look at it. PostgreSQL runs every statement in a read-only transaction. Throws `storage-failed`,
 * `not-found` if the folder holds no embedded database, and `storage-locked` while a server uses it.
 */
export async function inspectDatabase(target: string | { readonly dataDir: string }): Promise<InspectedDatabase> {
  return typeof target === 'string' ? inspectPostgres(target) : inspectFolder(target.dataDir);
}

function inspectPostgres(url: string): InspectedDatabase {
  const sql = connectPlain(url, DEFAULT_POSTGRES_LIMITS);
  const limit = `set local statement_timeout = ${DEFAULT_POSTGRES_LIMITS.statementTimeoutMs}`;
  return {
    kind: 'postgres',
    // Settings of the session would leak to others behind a pooler of transactions.
    read: async (text, parameters = []) => {
      try {
        return await sql.begin('read only', async (transaction) => {
          await transaction.unsafe(limit);
          return transaction.unsafe<TextRow[]>(text, [...parameters]);
        });
      } catch (error) {
        throw toStorageError(error);
      }
    },
    close: () => sql.end({ timeout: 1 }).catch(() => {}),
  };
}

async function inspectFolder(dataDir: string): Promise<InspectedDatabase> {
  const place = join(dataDir, 'database');
  ensure(existsSync(place), 'not-found', `${dataDir} holds no embedded database`);
  const lock = await lockFolder(dataDir);
  try {
    const database = await PGlite.create(place);
    return {
      kind: 'pglite',
      read: async (text, parameters = []) => (await database.query<TextRow>(text, [...parameters])).rows,
      close: async () => {
        await database.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw toStorageError(error);
  }
}

/** The schema of a database, beside that of this program. */
export interface SchemaVersions {
  /** Name of the newest migration that the database has; undefined if it has none, or one that is not known here. */
  readonly database: string | undefined;
  /** Name of the newest migration of this program. */
  readonly program: string;
  readonly relation: 'none' | 'older' | 'same' | 'newer';
  /** The newest format of rows in the database, and the newest that this program reads. */
  readonly format: { readonly database: number; readonly program: number };
}

/** Compares the schema of a database with that of this program. */
export async function readSchemaVersions(database: InspectedDatabase): Promise<SchemaVersions> {
  const journal = JSON.parse(readFileSync(`${MIGRATIONS_FOLDER}/meta/_journal.json`, 'utf8')) as {
    readonly entries: readonly { readonly when: number; readonly tag: string }[];
  };
  const known = new Map(journal.entries.map(({ when, tag }) => [when, tag]));
  const newest = Math.max(...known.keys());
  const program = known.get(newest) ?? '';
  const [there] = await database.read(`select to_regclass('drizzle.__drizzle_migrations')::text as name`);
  const [row] =
    there?.['name'] === null
      ? []
      : await database.read('select max(created_at)::text as newest from drizzle.__drizzle_migrations');
  const applied = row?.['newest'];
  const format = { database: await readFormat(database), program: NEWEST_FORMAT };
  if (applied === undefined || applied === null) return { database: undefined, program, relation: 'none', format };
  const when = Number(applied);
  const relation = when === newest ? 'same' : when > newest ? 'newer' : 'older';
  return { database: known.get(when), program, relation, format };
}

/** Reads the newest format of the logs; databases of releases without the column have format 1. */
async function readFormat(database: InspectedDatabase): Promise<number> {
  const [column] = await database.read(
    `select count(*)::text as count from pg_attribute
      where attrelid = to_regclass('logs') and attname = 'format' and not attisdropped`,
  );
  if (column?.['count'] !== '1') return 1;
  const [row] = await database.read('select coalesce(max(format), 1)::text as format from logs');
  return Number(row?.['format']);
}
