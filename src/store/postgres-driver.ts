import type { Sql, TransactionSql } from 'postgres';
import { GlasskeyError } from '../core/errors.ts';
import { listenPostgres } from './postgres-listener.ts';
import { lockPostgres } from './postgres-lock.ts';
import { connectPool, type PostgresLimits } from './postgres-pool.ts';
import { checkPostgresDurability } from './postgres-durability.ts';
import {
  encodeParameter,
  type SqlDriver,
  type SqlExecutor,
  type SqlLock,
  type SqlParameter,
  type SqlRow,
} from './sql-driver.ts';
import { isRetriable, SqlError, toStorageError } from './sql-error.ts';

/** Name of the one channel on which Glasskey's processes tell each other what happened. */
export const CHANNEL = 'glasskey';

const ATTEMPTS = 3;

/** Statements on a pool of postgres.js. Connections that broke are made anew by the next statement. */
export class PostgresDriver implements SqlDriver {
  readonly kind = 'postgres';
  readonly notifyStatement = `select pg_notify('${CHANNEL}', $1)`;
  readonly #url: string;
  readonly #limits: PostgresLimits;
  readonly #synchronousCommit: string;
  readonly #open = new Set<{ close(): Promise<void> }>();
  #pool: Sql;
  #pending = 0;
  #closed = false;

  constructor(url: string, limits: PostgresLimits, synchronousCommit: string) {
    this.#url = url;
    this.#limits = limits;
    this.#synchronousCommit = synchronousCommit;
    this.#pool = connectPool(url, limits, synchronousCommit);
  }

  query<Row extends SqlRow>(text: string, parameters: readonly SqlParameter[]): Promise<readonly Row[]> {
    return this.#bounded((pool) => run<Row>(pool, text, parameters));
  }

  execute(text: string, parameters: readonly SqlParameter[]): Promise<number> {
    return this.#bounded(async (pool) => (await run(pool, text, parameters)).count);
  }

  transaction<T>(work: (executor: SqlExecutor) => Promise<T>): Promise<T> {
    return this.#bounded((pool) => pool.begin((sql) => work(transactionExecutor(sql))) as Promise<T>);
  }

  async listen(onPayload: (payload: string) => void, onGap: () => void): Promise<() => Promise<void>> {
    const listener = await listenPostgres({ url: this.#url, limits: this.#limits, channel: CHANNEL, onPayload, onGap });
    return this.#track(() => listener.stop());
  }

  async tryLock(logId: number): Promise<SqlLock | undefined> {
    const lock = await lockPostgres(this.#url, this.#limits, logId);
    return lock === undefined ? undefined : { lost: lock.lost, release: this.#track(() => lock.release()) };
  }

  checkDurability(): Promise<{ readonly warnings: readonly string[] }> {
    return checkPostgresDurability(this.#url, this.#limits);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(Array.from(this.#open, (resource) => resource.close()));
    await this.#pool.end({ timeout: 5 });
  }

  /** Remembers a connection of its own until it is stopped, so that `close` leaves nothing behind. */
  #track(stop: () => Promise<void>): () => Promise<void> {
    const resource = {
      close: async (): Promise<void> => {
        if (this.#open.delete(resource)) await stop();
      },
    };
    this.#open.add(resource);
    return resource.close;
  }

  async #bounded<T>(work: (pool: Sql) => Promise<T>): Promise<T> {
    if (this.#closed) throw new SqlError('the store is closed');
    if (this.#pending >= this.#limits.maxPending) throw new GlasskeyError('overloaded', 'too many database requests');
    this.#pending++;
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#withDeadline(work);
        } catch (error) {
          const failure = toStorageError(error);
          if (attempt >= ATTEMPTS || !isRetriable(failure)) throw failure;
        }
      }
    } finally {
      this.#pending--;
    }
  }

  /**
   * PostgreSQL keeps the timeouts itself; this deadline is for a server that does not answer at all. The whole pool is
   * then replaced, since its other connections hang too.
   */
  #withDeadline<T>(work: (pool: Sql) => Promise<T>): Promise<T> {
    const pool = this.#pool;
    const { promise, resolve, reject } = settler<T>();
    const timer = setTimeout(() => {
      reject(new SqlError('the database does not answer', 'DEADLINE'));
      this.#replacePool(pool);
    }, this.#limits.statementTimeoutMs + this.#limits.connectTimeoutMs);
    work(pool)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
    return promise;
  }

  #replacePool(hanging: Sql): void {
    if (this.#pool !== hanging || this.#closed) return;
    this.#pool = connectPool(this.#url, this.#limits, this.#synchronousCommit);
    hanging.end({ timeout: 0 }).catch(() => {});
  }
}

function settler<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

async function run<Row extends SqlRow>(
  sql: Sql | TransactionSql,
  text: string,
  parameters: readonly SqlParameter[],
): Promise<readonly Row[] & { count: number }> {
  return sql.unsafe<Row[]>(text, parameters.map(encodeParameter), { prepare: true });
}

function transactionExecutor(sql: TransactionSql): SqlExecutor {
  return {
    query: <Row extends SqlRow>(text: string, parameters: readonly SqlParameter[]) =>
      run<Row>(sql, text, parameters).catch(rethrow),
    execute: (text, parameters) => run(sql, text, parameters).then((result) => result.count, rethrow),
  };
}

function rethrow(error: unknown): never {
  throw toStorageError(error);
}
