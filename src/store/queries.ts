import { DrizzleQueryError } from 'drizzle-orm';
import { drizzle, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy';
import type { SqlParameter, SqlStatements } from './sql-driver.ts';
import { type Placeholders, placeholders } from './statement.ts';

/** drizzle's query builder. */
export type QueryBuilder = PgRemoteDatabase;

/** A query that the builder has not compiled yet. */
interface Preparable<Result> {
  prepare(name: string): { execute(values: Record<string, unknown>): Promise<Result> };
}

/** Runs queries of drizzle's builder on a driver of the store. Rejects as {@link SqlStatements.query} does. */
export class Queries {
  readonly #driver: SqlStatements;
  readonly #builder: QueryBuilder;

  constructor(driver: SqlStatements) {
    this.#driver = driver;
    this.#builder = builderOn((text, parameters) => driver.queryArrays(text, parameters));
  }

  /** Compiles a query and runs it. */
  run<Result>(build: (builder: QueryBuilder) => PromiseLike<Result>): Promise<Result> {
    return unwrapped(build(this.#builder));
  }

  /** {@link run}, one query at a time of all those with the same key, in every process that uses the database. */
  runAlone<Result>(key: string, build: (builder: QueryBuilder) => PromiseLike<Result>): Promise<Result> {
    const builder = builderOn((text, parameters) => this.#driver.queryAlone(key, text, parameters));
    return unwrapped(build(builder));
  }

  /** Compiles a query once, for the paths on which compilation would cost more than its parameters. */
  prepare<Name extends string, Result>(
    names: readonly Name[],
    build: (builder: QueryBuilder, parameters: Placeholders<Name>) => Preparable<Result>,
  ): (values: Readonly<Record<Name, SqlParameter>>) => Promise<Result> {
    const query = build(this.#builder, placeholders(names)).prepare('');
    return (values) => unwrapped(query.execute(values));
  }
}

function builderOn(query: SqlStatements['queryArrays']): QueryBuilder {
  return drizzle(async (text, parameters: SqlParameter[]) => ({ rows: [...(await query(text, parameters))] }));
}

/** Returns the driver's error: drizzle's own quotes the parameters, which are data and must not leave the store. */
async function unwrapped<Result>(result: PromiseLike<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    throw error instanceof DrizzleQueryError ? error.cause : error;
  }
}
