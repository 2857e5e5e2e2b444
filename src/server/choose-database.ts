import { ensure } from '../core/errors.ts';
import type { StoreTarget } from '../store/open-store.ts';
import type { DataFolder, LogMarker } from './data-folder.ts';
import { assertDatabaseUrl, withoutPassword } from './database-url.ts';
import { readSettings } from './settings/server-settings.ts';

/** The options of a program that name a database. */
export interface DatabaseOptions {
  /** `postgres://…`, or the place of an embedded database. */
  readonly database?: StoreTarget | undefined;
  /** True to use the embedded database in the folder. */
  readonly embedded?: boolean | undefined;
}

/** The database of a data folder, and who named it. */
export interface ChosenDatabase {
  readonly target: StoreTarget;
  readonly namedBy: 'options' | 'GLASSKEY_DATABASE' | 'glasskey.toml' | 'log.json';
}

/** The text in `log.json` of a log in an embedded database. */
const EMBEDDED = 'the embedded database';

/**
 * Returns the database of a data folder: what the options name, else the variable GLASSKEY_DATABASE, `[database]` of
 * `glasskey.toml`, or `log.json`; undefined if nothing names one. Throws `usage` for a URL that is none, and for the
 * embedded database of a log that is in PostgreSQL or the reverse.
 */
export async function chooseDatabase(
  folder: DataFolder,
  options: DatabaseOptions,
): Promise<ChosenDatabase | undefined> {
  const created = (await folder.readMarker())?.database;
  const chosen = await namedDatabase(folder, options, created);
  if (chosen === undefined || created === undefined) return chosen;
  const isSameKind = (typeof chosen.target === 'string') === (created !== EMBEDDED);
  const mistake = `${folder.marker} says that the log was created in ${created}, but ${chosen.namedBy} names another`;
  ensure(isSameKind, 'usage', `${mistake}: a log must never be begun twice`);
  return chosen;
}

async function namedDatabase(
  folder: DataFolder,
  { database, embedded = false }: DatabaseOptions,
  created: string | undefined,
): Promise<ChosenDatabase | undefined> {
  ensure(database === undefined || !embedded, 'usage', 'give --database or --embedded, not both');
  const inFolder: StoreTarget = { dataDir: folder.database };
  if (embedded) return { target: inFolder, namedBy: 'options' };
  if (database !== undefined) {
    if (typeof database === 'string') assertDatabaseUrl(database);
    return { target: database, namedBy: 'options' };
  }
  const variable = process.env['GLASSKEY_DATABASE'] ?? '';
  if (variable !== '') {
    assertDatabaseUrl(variable, 'GLASSKEY_DATABASE');
    return { target: variable, namedBy: 'GLASSKEY_DATABASE' };
  }
  const { databaseUrl } = await readSettings(folder);
  if (databaseUrl !== undefined) return { target: databaseUrl, namedBy: 'glasskey.toml' };
  if (created === undefined) return undefined;
  return { target: created === EMBEDDED ? inFolder : created, namedBy: 'log.json' };
}

/**
 * Returns the database that `serve` uses. Throws `usage` if nobody has decided on one: an embedded database that was
 * never meant would hold a log that others rely on. With `dev` that is the default.
 */
export async function databaseToServe(
  folder: DataFolder,
  { dev, ...options }: DatabaseOptions & { readonly dev: boolean },
): Promise<StoreTarget> {
  const chosen = await chooseDatabase(folder, options);
  if (dev) return chosen?.target ?? { dataDir: folder.database };
  const advice = 'name a PostgreSQL in GLASSKEY_DATABASE or glasskey.toml, or add --embedded to try Glasskey out';
  ensure(chosen !== undefined, 'usage', `no database: ${advice}`);
  const isMeant = typeof chosen.target === 'string' || chosen.namedBy !== 'log.json';
  const move = 'add --embedded to serve it, or move it to PostgreSQL with "glasskey admin move-database"';
  ensure(isMeant, 'usage', `the log of ${folder.path} is in the embedded database, which is for trying out: ${move}`);
  return chosen.target;
}

/** Returns the PostgreSQL to which the log of a folder shall move. Throws `usage` if nothing names one. */
export async function databaseToMoveTo(
  folder: DataFolder,
  { database }: Pick<DatabaseOptions, 'database'>,
): Promise<string> {
  const named = await namedDatabase(folder, { database }, undefined);
  const advice = 'name a PostgreSQL with --database, GLASSKEY_DATABASE or glasskey.toml';
  ensure(typeof named?.target === 'string', 'usage', `no database to move to: ${advice}`);
  return named.target;
}

/** Returns true for the `log.json` of a log in an embedded database. */
export function isEmbedded({ database }: LogMarker): boolean {
  return database === EMBEDDED;
}

/** Returns the text of a database for `log.json`, without a password. */
export function describeDatabase(database: StoreTarget): string {
  return typeof database === 'string' ? withoutPassword(database) : EMBEDDED;
}
