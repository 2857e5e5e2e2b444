import { isGlasskeyError } from '../../core/errors.ts';
import { type InspectedDatabase, inspectDatabase } from '../../store/inspect-database.ts';
import { inspectLog } from '../../store/inspect-log.ts';
import { DEFAULT_POSTGRES_LIMITS } from '../../store/postgres-pool.ts';
import { readSchemaVersions, type SchemaVersions } from '../../store/schema-versions.ts';
import { failing, fine, type Finding, reasonOf, warning } from './finding.ts';
import { judgeClock } from './judge-clock.ts';

const { connections, reservedConnections } = DEFAULT_POSTGRES_LIMITS;
/** Connections of one server: its two pools, the writer's lock, and notifications. */
const CONNECTIONS_OF_SERVER = connections + reservedConnections + 2;
/** PostgreSQL 14 has the `idle_session_timeout` that ends the writer's lease. */
const OLDEST_VERSION = 14;

/** The settings of a PostgreSQL that a log relies on. */
export interface DatabaseSettings {
  /** Such as 150003. */
  readonly version: number;
  readonly encoding: string;
  /** Names of the settings that are off, and would lose acknowledged commits. */
  readonly off: readonly string[];
  readonly isStandby: boolean;
  readonly maxConnections: number;
  /** Connections that are in use now, this one included. */
  readonly used: number;
}

const SETTINGS = `select current_setting('server_version_num') as version,
  (select pg_encoding_to_char(encoding) from pg_database where datname = current_database())::text as encoding,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
  current_setting('synchronous_commit') as synchronous_commit, pg_is_in_recovery()::text as standby,
  (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int)::text as most,
  (select count(*) from pg_stat_activity where backend_type = 'client backend')::text as used,
  (extract(epoch from clock_timestamp()) * 1000)::int8::text as now`;

/** The log whose database is looked at. */
export interface ExpectedLog {
  readonly origin: string;
  /** True if the data folder says that the log was created. */
  readonly isCreated: boolean;
}

/** Checks the database of a log: settings, clock, schema, and that it holds the log. */
export async function checkDatabase(
  chooseTarget: () => Promise<Parameters<typeof inspectDatabase>[0]>,
  expected: ExpectedLog,
  now: () => number,
): Promise<readonly Finding[]> {
  let database: InspectedDatabase | undefined;
  try {
    database = await inspectDatabase(await chooseTarget());
    const own = database.kind === 'postgres' ? await checkPostgres(database, now) : [EMBEDDED];
    return [...own, ...(await checkContents(database, expected))];
  } catch (error) {
    if (isGlasskeyError(error, 'storage-locked')) return [EMBEDDED, warning('database', error.message, RUN_BESIDE)];
    if (isGlasskeyError(error, 'not-found')) return [EMBEDDED, unbegun(expected, error.message)];
    return [failing('database', reasonOf(error), 'compare the database URL with what serve is given; is it up?')];
  } finally {
    await database?.close();
  }
}

const RUN_BESIDE = 'ask the server that holds it (/readyz), or stop it for a closer look';
const EMBEDDED = warning(
  'database durability',
  'the embedded database can lose acknowledged registrations in a power failure',
  'use PostgreSQL for service',
);

async function checkPostgres(database: InspectedDatabase, now: () => number): Promise<readonly Finding[]> {
  const before = now();
  const [row] = await database.read(SETTINGS);
  const middle = (before + now()) / 2;
  const settings: DatabaseSettings = {
    version: Number(row?.['version']),
    encoding: row?.['encoding'] ?? '',
    off: ['fsync', 'full_page_writes', 'synchronous_commit'].filter((name) => row?.[name] === 'off'),
    isStandby: row?.['standby'] === 'true',
    maxConnections: Number(row?.['most']),
    used: Number(row?.['used']),
  };
  return [...judgeSettings(settings), judgeClock('clock of the database', Number(row?.['now']) - middle)];
}

/** Judges the settings of a PostgreSQL. */
export function judgeSettings(settings: DatabaseSettings): readonly Finding[] {
  const { version, encoding, off, isStandby } = settings;
  const major = Math.floor(version / 10_000);
  return [
    major >= OLDEST_VERSION
      ? fine('database version', `PostgreSQL ${major}`)
      : failing('database version', `PostgreSQL ${major}`, `use version ${OLDEST_VERSION} or later`),
    encoding === 'UTF8'
      ? fine('database encoding', encoding)
      : failing('database encoding', encoding, 'create the database anew with encoding UTF8, and move the log there'),
    off.length > 0
      ? failing('database durability', `off: ${off.join(', ')}`, 'switch them on: a crash could fork the log')
      : isStandby
        ? failing('database durability', 'this is a standby', 'name the primary: nothing can be written here')
        : fine('database durability', 'commits are flushed'),
    judgeConnections(settings),
  ];
}

function judgeConnections({ maxConnections, used }: DatabaseSettings): Finding {
  const check = 'database connections';
  const detail = `${used} of ${maxConnections} in use; a server takes up to ${CONNECTIONS_OF_SERVER}`;
  const next = 'raise max_connections, or use a pooler in session mode';
  if (maxConnections < CONNECTIONS_OF_SERVER) return failing(check, detail, next);
  return maxConnections - used < CONNECTIONS_OF_SERVER ? warning(check, detail, next) : fine(check, detail);
}

async function checkContents(database: InspectedDatabase, expected: ExpectedLog): Promise<readonly Finding[]> {
  const check = 'database schema';
  const schemas = await readSchemaVersions(database.read);
  const { relation, format, program } = schemas;
  if (format.database > format.program) {
    const detail = `format ${format.database}; this program reads ${format.program}`;
    return [failing(check, detail, 'update the program: see docs/upgrade.md')];
  }
  const log = relation === 'none' ? undefined : await inspectLog(database, expected.origin);
  const schema = relation === 'same' ? fine(check, program) : warning(check, ...schemaWords(schemas));
  if (log === undefined) return [schema, unbegun(expected, `it holds no log ${expected.origin}`)];
  const size = `${log.size} entries`;
  if (log.hasEnded || database.kind === 'pglite') return [schema, fine('log', size)];
  const isServed = log.writer !== undefined;
  return [
    schema,
    isServed
      ? fine('log', `${size}; ${log.writer.server} appends`)
      : warning('log', `${size}; no server appends`, 'start a server, or look at its log'),
  ];
}

/** Returns what is said of another schema than this program's, and what to do. */
function schemaWords({ database, program, relation }: SchemaVersions): readonly [string, string] {
  if (relation === 'newer') return [`newer than this program’s ${program}`, 'an upgrade is under way: finish it'];
  return [`${database ?? 'none'}; this program has ${program}`, 'the next start of serve migrates it'];
}

function unbegun({ isCreated }: ExpectedLog, detail: string): Finding {
  if (isCreated) return failing('log', detail, 'name the database in which it was created; never begin a log twice');
  return warning('log', 'not begun yet', 'the first serve creates it');
}
