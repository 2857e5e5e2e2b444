import type { Sql } from 'postgres';
import { GlasskeyError } from '../core/errors.ts';
import { connectPool, type PostgresLimits } from './postgres-pool.ts';
import {
  encodeParameter,
  type RunInTransaction,
  type SqlOptions,
  type SqlParameter,
  type SqlRow,
  type SqlStatements,
} from './sql-driver.ts';
import { isRetriable, ofNode, SqlError, toStorageError } from './sql-error.ts';

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
  /** True if the large tables are distributed. */
  readonly isDistributed: boolean;
}

/**
 * Statements on pools of postgres.js. If any connection of a pool closes, a new pool replaces it: postgres.js (3.4)
 * does not reset a connection's write buffer when its socket closes, so a reconnected one can hang or throw outside of
 * any promise.
 */
export class PostgresStatements implements SqlStatements {
  readonly #options: PostgresStatementsOptions;
  #pool: Sql;
  #isDistributed: boolean;
  #pending = 0;
  #closed = false;

  constructor(options: PostgresStatementsOptions) {
    this.#options = options;
    this.#isDistributed = options.isDistributed;
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

  transaction<Result>(work: (run: RunInTransaction) => Promise<Result>): Promise<Result> {
    const start = async (pool: Sql): Promise<Result> =>
      // In an array, whose members `begin` waits for, so that it returns any result as it is.
      (
        await pool.begin('isolation level read committed', async (transaction) => [
          await work((text, parameters) =>
            transaction.unsafe(text, parameters.map(encodeParameter), { prepare: true }),
          ),
        ])
      )[0] as Result;
    return this.#run('transaction', start);
  }

  /** Connects anew, with settings for distributed tables. Statements that are under way finish. */
  distribute(): void {
    if (this.#isDistributed) return;
    this.#isDistributed = true;
    this.#replacePool(this.#pool, GRACE_S);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.end({ timeout: 5 });
  }

  #connect(): Sql {
    const isDistributed = this.#isDistributed;
    const onClose = (): void => this.#replacePool(pool, GRACE_S);
    const pool = connectPool({ ...this.#options, isDistributed, onClose });
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
          const failure = this.#isDistributed ? ofNode(toStorageError(error)) : toStorageError(error);
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
