import type { Sql } from 'postgres';
import { GlasskeyError } from '../core/errors.ts';
import { connectPool, type PostgresLimits } from './postgres-pool.ts';
import { encodeParameter, type SqlOptions, type SqlParameter, type SqlRow, type SqlStatements } from './sql-driver.ts';
import { isRetriable, SqlError, toStorageError } from './sql-error.ts';

const ATTEMPTS = 3;
/** Time for the other connections of a broken pool to finish. */
const GRACE_S = 1;

/** Options of {@link PostgresStatements}. */
export interface PostgresStatementsOptions {
  readonly url: string;
  readonly limits: PostgresLimits;
  /** Number of connections. */
  readonly connections: number;
  readonly synchronousCommit: string;
}

/**
 * Statements on pools of postgres.js. If any connection of a pool closes, a new pool replaces it: postgres.js (3.4)
 * does not reset a connection's write buffer when its socket closes, so a reconnected one can hang or throw outside of
 * any promise.
 */
export class PostgresStatements implements SqlStatements {
  readonly #options: PostgresStatementsOptions;
  #pool: Sql;
  #pending = 0;
  #closed = false;

  constructor(options: PostgresStatementsOptions) {
    this.#options = options;
    this.#pool = this.#connect();
  }

  query<Row extends SqlRow>(
    text: string,
    parameters: readonly SqlParameter[],
    { replan = false }: SqlOptions = {},
  ): Promise<readonly Row[]> {
    const encoded = parameters.map(encodeParameter);
    return this.#run(text, (pool) => pool.unsafe<Row[]>(text, encoded, { prepare: !replan }));
  }

  queryArrays(text: string, parameters: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]> {
    const encoded = parameters.map(encodeParameter);
    return this.#run(text, (pool) => pool.unsafe(text, encoded, { prepare: true }).values());
  }

  queryAlone(key: string, text: string, parameters: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]> {
    const encoded = parameters.map(encodeParameter);
    const start = (pool: Sql): Promise<unknown[][]> =>
      pool.begin('isolation level read committed', async (transaction) => {
        await transaction.unsafe('select pg_advisory_xact_lock(hashtextextended($1, 0))', [key], { prepare: true });
        return transaction.unsafe(text, encoded, { prepare: true }).values();
      });
    return this.#run(text, start);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.end({ timeout: 5 });
  }

  #connect(): Sql {
    const pool = connectPool({ ...this.#options, onClose: () => this.#replacePool(pool, GRACE_S) });
    return pool;
  }

  #replacePool(broken: Sql, graceSeconds: number): void {
    if (this.#pool !== broken || this.#closed) return;
    this.#pool = this.#connect();
    broken.end({ timeout: graceSeconds }).catch(() => {});
  }

  async #run<Result>(text: string, start: (pool: Sql) => PromiseLike<Result>): Promise<Result> {
    if (this.#closed) throw new SqlError('the store is closed');
    if (this.#pending >= this.#options.limits.maxPending)
      throw new GlasskeyError('overloaded', 'too many database requests');
    this.#pending++;
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#runOnce(start);
        } catch (error) {
          const failure = toStorageError(error);
          if (attempt >= ATTEMPTS || !isRetriable(failure, text.startsWith('select'))) throw failure;
        }
      }
    } finally {
      this.#pending--;
    }
  }

  /** PostgreSQL keeps the timeouts itself; the deadline here is for a server that does not answer at all. */
  async #runOnce<Result>(start: (pool: Sql) => PromiseLike<Result>): Promise<Result> {
    const pool = this.#pool;
    const { statementTimeoutMs, connectTimeoutMs } = this.#options.limits;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new SqlError('the database does not answer', 'DEADLINE'));
        this.#replacePool(pool, 0);
      }, statementTimeoutMs + connectTimeoutMs);
    });
    try {
      return await Promise.race([start(pool), deadline]);
    } finally {
      clearTimeout(timer);
    }
  }
}
