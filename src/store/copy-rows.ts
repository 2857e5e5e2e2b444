import { getTableName, is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { GlasskeyError } from '../core/errors.ts';
import * as schema from './schema.ts';

/** Runs a statement with `$1…` parameters inside a transaction, and returns its rows. */
export type RunStatement = (text: string, parameters?: readonly string[]) => Promise<readonly StatementRow[]>;

/** A row, by the names of its columns. */
export type StatementRow = Readonly<Record<string, unknown>>;

/** The rows of one log in one table, for statements that work in any database. */
interface LogTable {
  readonly name: string;
  /** Every column but the log's number, which differs between databases. */
  readonly columns: readonly string[];
  /** The primary key, without the log's number. */
  readonly key: readonly string[];
  /** The column that a sequence numbers; undefined if there is none. */
  readonly numbered: string | undefined;
}

/** Rows that are read, compared or written at a time: at most a few MB. */
const PAGE_ROWS = 100;

/** Every table of a log but `logs` itself. */
export const LOG_TABLES: readonly LogTable[] = Object.values(schema)
  .filter((value) => is(value, PgTable))
  .filter((table) => getTableName(table) !== getTableName(schema.logs))
  .map((table) => {
    const { name, columns, primaryKeys } = getTableConfig(table);
    const others = columns.map((column) => column.name).filter((column) => column !== 'log_id');
    const key = primaryKeys.flatMap((one) => one.columns.map((column) => column.name));
    const numbered = columns.find((column) => column.generatedIdentity !== undefined)?.name;
    return { name, columns: others, key: key.filter((column) => column !== 'log_id'), numbered };
  });

/** Copies the rows of a log from one table to the same one of another database. */
export async function copyRows(table: LogTable, from: LogRows, to: LogRows): Promise<void> {
  const columns = table.columns.join(', ');
  const insert =
    `insert into ${table.name} (log_id, ${columns}) overriding system value ` +
    `select $1::text::int4, ${columns} from json_populate_recordset(null::${table.name}, $2::text::json)`;
  for await (const page of pages(table, from)) await to.run(insert, [String(to.logId), `[${page.join(',')}]`]);
  if (table.numbered !== undefined) await raiseSequence(table.name, table.numbered, from, to);
}

/** Deletes the rows of a log. */
export async function deleteRows({ run, logId }: LogRows): Promise<void> {
  for (const { name } of LOG_TABLES) await run(`delete from ${name} where log_id = $1::text::int4`, [String(logId)]);
}

/**
 * Compares the rows of a log in two databases, column by column, and returns how many there are. Throws
 * `storage-corrupt` at the first difference.
 */
export async function compareRows(table: LogTable, one: LogRows, other: LogRows): Promise<number> {
  const others = pages(table, other);
  let count = 0;
  for await (const page of pages(table, one)) {
    const { value: same = [] } = await others.next();
    const difference = page.findIndex((row, i) => row !== same[i]);
    if (difference >= 0 || same.length !== page.length) throw differs(table.name, count + Math.max(difference, 0));
    count += page.length;
  }
  if ((await others.next()).done !== true) throw differs(table.name, count);
  return count;
}

/** A log in a database: a transaction, and the log's number there. */
export interface LogRows {
  readonly run: RunStatement;
  readonly logId: number;
}

function differs(table: string, row: number): GlasskeyError {
  return new GlasskeyError('storage-corrupt', `the copy of ${table} differs from the original in row ${row}`);
}

/** Reads the rows of a log as JSON, in the order of their keys. */
async function* pages({ name, columns, key }: LogTable, { run, logId }: LogRows): AsyncGenerator<readonly string[]> {
  const order = key.length === 0 ? '' : ` order by ${key.join(', ')}`;
  const rows = `select ${columns.join(', ')} from ${name} where log_id = ${logId}${order}`;
  await run(`declare ${name}_rows no scroll cursor for select row_to_json(one)::text as row from (${rows}) as one`);
  for (;;) {
    const page = await run(`fetch ${PAGE_ROWS} from ${name}_rows`);
    if (page.length === 0) break;
    yield page.map(({ row }) => String(row));
  }
  await run(`close ${name}_rows`);
}

/** Lets the sequence of a column go on behind the greatest number that either database has given away. */
async function raiseSequence(table: string, column: string, from: LogRows, to: LogRows): Promise<void> {
  const [last, present] = await Promise.all([lastNumber(table, column, from), lastNumber(table, column, to)]);
  const sequence = `pg_get_serial_sequence('${table}', '${column}')`;
  await to.run(`select setval(${sequence}, $1::text::int8)`, [String(Math.max(last, present))]);
}

async function lastNumber(table: string, column: string, { run }: LogRows): Promise<number> {
  const [sequence] = await run(`select pg_get_serial_sequence('${table}', '${column}') as name`);
  const [row] = await run(`select last_value::text as last from ${String(sequence?.['name'])}`);
  return Number(row?.['last']);
}
