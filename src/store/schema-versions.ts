import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NEWEST_FORMAT } from './stored-format.ts';

/** The folder of the committed migrations: beside `src/` in the repository, beside `dist/` in the package. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url));

/** A row as text: every column is cast to text, whatever the driver would make of it. */
export type TextRow = Readonly<Record<string, string | null>>;

/** Runs a statement that reads texts, with `$1…` parameters. Throws `storage-failed`. */
export type ReadTexts = (text: string, parameters?: readonly string[]) => Promise<readonly TextRow[]>;

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
export async function readSchemaVersions(read: ReadTexts): Promise<SchemaVersions> {
  const journal = JSON.parse(readFileSync(`${MIGRATIONS_FOLDER}/meta/_journal.json`, 'utf8')) as {
    readonly entries: readonly { readonly when: number; readonly tag: string }[];
  };
  const known = new Map(journal.entries.map(({ when, tag }) => [when, tag]));
  const newest = Math.max(...known.keys());
  const program = known.get(newest) ?? '';
  const [there] = await read(`select to_regclass('drizzle.__drizzle_migrations')::text as name`);
  const [row] =
    there?.['name'] === null
      ? []
      : await read('select max(created_at)::text as newest from drizzle.__drizzle_migrations');
  const applied = row?.['newest'];
  const format = { database: await readFormat(read), program: NEWEST_FORMAT };
  if (applied === undefined || applied === null) return { database: undefined, program, relation: 'none', format };
  const when = Number(applied);
  const relation = when === newest ? 'same' : when > newest ? 'newer' : 'older';
  return { database: known.get(when), program, relation, format };
}

/** Reads the newest format of the logs; databases of releases without the column have format 1. */
async function readFormat(read: ReadTexts): Promise<number> {
  const [column] = await read(
    `select count(*)::text as count from pg_attribute
      where attrelid = to_regclass('logs') and attname = 'format' and not attisdropped`,
  );
  if (column?.['count'] !== '1') return 1;
  const [row] = await read('select coalesce(max(format), 1)::text as format from logs');
  return Number(row?.['format']);
}
