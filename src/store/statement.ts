import { getTableColumns, type GetColumnData, type Placeholder, type SQL, sql, type SQLWrapper } from 'drizzle-orm';
import { type PgColumn, PgDialect, type PgTable } from 'drizzle-orm/pg-core';
import type { SqlParameter } from './sql-driver.ts';

/** A statement with named parameters. */
export interface Statement<Name extends string> {
  /** The SQL, with `$1…` in place of the names. */
  readonly text: string;
  /** Returns the values in the order of `$1…`. */
  bind(values: Readonly<Record<Name, SqlParameter>>): SqlParameter[];
}

/** Placeholders of a statement, by their names. */
export type Placeholders<Name extends string> = Readonly<Record<Name, Placeholder>>;

/** A placeholder for each of some names. */
export function placeholders<Name extends string>(names: readonly Name[]): Placeholders<Name> {
  const found = {} as Record<Name, Placeholder>;
  for (const name of names) found[name] = sql.placeholder(name);
  return found;
}

/**
 * Compiles a statement written by hand. Its tables and columns are those of the schema, so that renaming a column there
 * renames it here, or does not compile. A parameter that occurs twice is sent once.
 */
export function statement<Name extends string>(
  names: readonly Name[],
  build: (parameters: Placeholders<Name>) => SQL,
): Statement<Name> {
  const compiled = new PgDialect().sqlToQuery(build(placeholders(names)));
  const order = compiled.params.map((parameter) => nameOf(parameter));
  const used = names.filter((name) => order.includes(name));
  if (used.length !== names.length) throw new TypeError('the statement does not use all of its parameters');
  const text = compiled.sql.replaceAll(/\$(\d+)/g, (_, number: string) => {
    const index = names.findIndex((name) => name === order[Number(number) - 1]);
    if (index < 0) throw new TypeError('the statement has a parameter without a name');
    return `$${index + 1}`;
  });
  return { text, bind: (values) => names.map((name) => values[name]) };
}

function nameOf(parameter: unknown): string | undefined {
  return parameter instanceof Object && 'name' in parameter ? String(parameter.name) : undefined;
}

/** Columns without their table, as `insert into` names them: `serial, version`. */
export function names(...columns: readonly PgColumn[]): SQL {
  return list(columns.map((column) => sql.identifier(column.name)));
}

/** All columns of a table but one, as the query builder selects them. */
export function columnsBut<Table extends PgTable, Key extends keyof Table['_']['columns']>(
  table: Table,
  key: Key,
): Omit<Table['_']['columns'], Key> {
  const others = Object.entries(getTableColumns(table)).filter(([name]) => name !== key);
  return Object.fromEntries(others) as Omit<Table['_']['columns'], Key>;
}

/** Columns by the names of a row's members. */
type Selection = Readonly<Record<string, PgColumn>>;

/** A row of {@link fields}. */
export type RowOf<Columns extends Selection> = { readonly [Key in keyof Columns]: GetColumnData<Columns[Key]> };

/** Columns as a statement written by hand selects them: `versions.vrf_output as "vrfOutput"`. */
export function fields(columns: Readonly<Record<string, PgColumn | SQL>>): SQL {
  return list(Object.entries(columns).map(([name, column]) => sql`${column} as ${sql.identifier(name)}`));
}

/** A column that is null in some rows of its table, but in none of those that the query selects. */
export function required<Column extends PgColumn>(column: Column): SQL<NonNullable<GetColumnData<Column>>> {
  return sql`${column}`;
}

/** Columns of a named part of a statement that came from the table: `claimed.serial, claimed.version`. */
export function columnsOf(source: string, ...columns: readonly PgColumn[]): SQL {
  return list(columns.map((column) => sql`${sql.identifier(source)}.${names(column)}`));
}

/** The assignments of `update … set` to columns of a table, by their names in the schema. */
export function assignments<Table extends PgTable>(
  table: Table,
  values: { readonly [Key in keyof Table['_']['columns']]?: SQL | Placeholder | null },
): SQL {
  const given = new Map<string, SQL | Placeholder | null | undefined>(Object.entries(values));
  const columns = Object.entries(getTableColumns(table)).filter(([key]) => given.has(key));
  return list(columns.map(([key, column]) => sql`${names(column)} = ${given.get(key) ?? sql`null`}`));
}

/** The value of the refused insert, in `on conflict do update`. */
export function excluded(column: PgColumn): SQL {
  return columnsOf('excluded', column);
}

/** A parameter of a column's type, for a place from which PostgreSQL cannot infer it. */
export function given(column: PgColumn, value: SqlParameter | Placeholder | SQL): SQL {
  return sql`${value}::${sql.raw(column.getSQLType())}`;
}

/** A condition: the plaintext contains the searched bytes. It always holds without any. */
export function matchesSearch(column: PgColumn | SQL, search: Uint8Array | undefined): SQL<boolean> {
  return search === undefined
    ? sql<boolean>`true`
    : sql<boolean>`coalesce(position(${search}::bytea in ${column}) > 0, false)`;
}

/** {@link given} as a field that has the column's name, for the query builder. */
export function givenAs(column: PgColumn, value: SqlParameter): SQL.Aliased {
  return given(column, value).as(column.name);
}

/** Parameters that are arrays of the values of columns, as `unnest` takes them. */
export function arrays(...given: readonly (readonly [PgColumn, Placeholder])[]): SQL {
  return list(given.map(([column, value]) => sql`${value}::${sql.raw(column.getSQLType())}[]`));
}

function list(parts: SQLWrapper[]): SQL {
  return sql.join(parts, sql`, `);
}
