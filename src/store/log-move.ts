import type { PGlite } from '@electric-sql/pglite';
import { getTableColumns } from 'drizzle-orm';
import type { Sql } from 'postgres';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import { compareRows, copyRows, deleteRows, LOG_TABLES, type LogRows, type RunStatement } from './copy-rows.ts';
import { connectPlain, DEFAULT_POSTGRES_LIMITS } from './postgres-pool.ts';
import { arrivingName, movedName } from './moved-log.ts';
import { logs } from './schema.ts';
import { toStorageError } from './sql-error.ts';

/** The columns of `logs` that go with a log, whichever a later program adds. */
const LOG_COLUMNS = Object.values(getTableColumns(logs))
  .map(({ name }) => name)
  .filter((name) => name !== 'log_id' && name !== 'origin');

/** Options of {@link LogMove}. */
export interface LogMoveOptions {
  /** The open embedded database, whose folder this process has locked. It has this program's schema. */
  readonly source: PGlite;
  /** URL of a PostgreSQL with this program's schema. */
  readonly target: string;
  readonly origin: string;
  /** Text for people that names the target, without a password. */
  readonly place: string;
}

/** The number of rows of each table. */
export type RowCounts = Readonly<Record<string, number>>;

/**
 * Moves a log from an embedded database to PostgreSQL. In `logs`, the copy has a name under which no server finds it
 * until the original has lost its own: at no moment can both be served. Every step can be repeated after a crash:
 * {@link copy}, {@link compare}, {@link retire}, {@link arrive}.
 */
export class LogMove {
  readonly #options: LogMoveOptions;
  readonly #target: Sql;

  constructor(options: LogMoveOptions) {
    this.#options = options;
    this.#target = connectPlain(options.target, DEFAULT_POSTGRES_LIMITS);
  }

  /**
   * Copies every row in one transaction, in place of an earlier attempt's. Does nothing if the original has retired,
   * so that the copy is final. Throws `usage` if the target has the log already, `not-found` if the source lacks it.
   */
  async copy(): Promise<void> {
    const { origin } = this.#options;
    await this.#both(async (source, target) => {
      if ((await findLog(source, this.#moved)) !== undefined) return;
      const from = await foundLog(source, origin);
      const isNew = (await findLog(target, origin)) === undefined;
      ensure(isNew, 'usage', `the target holds another log ${origin}: give an empty database`);
      const earlier = await findLog(target, arrivingName(origin));
      if (earlier !== undefined) {
        await deleteRows({ run: target, logId: earlier });
        await target('delete from logs where log_id = $1::text::int4', [String(earlier)]);
      }
      const to = await this.#createArriving(source, target, from);
      for (const table of LOG_TABLES) await copyRows(table, { run: source, logId: from }, { run: target, logId: to });
    });
  }

  /** Compares every row of the copy with the original. Throws `storage-corrupt`, `not-found`. */
  async compare(): Promise<{ readonly logId: number; readonly rows: RowCounts }> {
    const { origin } = this.#options;
    return this.#both(async (source, target) => {
      const from: LogRows = { run: source, logId: await foundLog(source, origin, this.#moved) };
      const to: LogRows = { run: target, logId: await foundLog(target, arrivingName(origin), origin) };
      const rows: Record<string, number> = {};
      for (const table of LOG_TABLES) rows[table.name] = await compareRows(table, from, to);
      return { logId: to.logId, rows };
    });
  }

  /** Removes the log's name from the original, which no server finds from now on. */
  retire(): Promise<void> {
    return this.#both((source) => rename(source, this.#options.origin, this.#moved));
  }

  /** Names the copy as the log, so that servers find it. */
  arrive(): Promise<void> {
    const { origin } = this.#options;
    return this.#both((_, target) => rename(target, arrivingName(origin), origin));
  }

  async close(): Promise<void> {
    await this.#target.end({ timeout: 1 });
  }

  get #moved(): string {
    return movedName(this.#options.origin, this.#options.place);
  }

  /** Creates the log's row in the target, under a name of its own; returns its number. */
  async #createArriving(source: RunStatement, target: RunStatement, from: number): Promise<number> {
    const columns = LOG_COLUMNS.join(', ');
    const original = 'select row_to_json(logs)::text as text from logs where log_id = $1::text::int4';
    const [row] = await source(original, [String(from)]);
    const insert =
      `insert into logs (origin, ${columns}) ` +
      `select $1::text, ${columns} from json_populate_record(null::logs, $2::text::json) returning log_id`;
    const [created] = await target(insert, [arrivingName(this.#options.origin), String(row?.['text'])]);
    return Number(created?.['log_id']);
  }

  /** Runs `work` in a transaction of each database. */
  async #both<T>(work: (source: RunStatement, target: RunStatement) => Promise<T>): Promise<T> {
    try {
      return await this.#options.source.transaction(async (inner) => {
        const source: RunStatement = async (text, parameters = []) =>
          (await inner.query<Record<string, unknown>>(text, [...parameters])).rows;
        const done = await this.#target.begin(async (outer) => {
          await outer.unsafe('set local bytea_output = hex');
          return { result: await work(source, (text, parameters = []) => outer.unsafe(text, [...parameters])) };
        });
        return (done as { readonly result: T }).result;
      });
    } catch (error) {
      throw isGlasskeyError(error) ? error : toStorageError(error);
    }
  }
}

async function findLog(run: RunStatement, ...names: readonly string[]): Promise<number | undefined> {
  for (const name of names) {
    const [row] = await run('select log_id from logs where origin = $1', [name]);
    if (row !== undefined) return Number(row['log_id']);
  }
  return undefined;
}

async function foundLog(run: RunStatement, ...names: readonly [string, ...string[]]): Promise<number> {
  const found = await findLog(run, ...names);
  ensure(found !== undefined, 'not-found', `the database does not hold the log ${names[0]}`);
  return found;
}

async function rename(run: RunStatement, from: string, to: string): Promise<void> {
  await run('update logs set origin = $2 where origin = $1', [from, to]);
}
