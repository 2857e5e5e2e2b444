import type { Sql } from 'postgres';
import { GlasskeyError } from '../core/errors.ts';
import { checkPostgresDurability } from './postgres-durability.ts';
import { listenPostgres } from './postgres-listener.ts';
import { lockPostgres } from './postgres-lock.ts';
import type { WriterLock } from './ports.ts';
import { connectPool, type PostgresLimits } from './postgres-pool.ts';
import { POOLER_WARNING } from './postgres-pooler.ts';
import { encodeParameter, type SqlDriver, type SqlOptions, type SqlParameter, type SqlRow } from './sql-driver.ts';
import { isRetriable, SqlError, toStorageError } from './sql-error.ts';

const ATTEMPTS = 3;
/** Time for the other connections of a broken pool to finish. */
const GRACE_S = 1;

/**
 * Statements on pools of postgres.js. If any connection of a pool closes, a new pool replaces it: postgres.js (3.4)
 * does not reset a connection's write buffer when its socket closes, so a reconnected one can hang or throw outside of
 * any promise.
 */
export class PostgresDriver implements SqlDriver {
  readonly kind = 'postgres';
  readonly shared = true;
  readonly #url: string;
  readonly #limits: PostgresLimits;
  readonly #synchronousCommit: string;
  readonly #isTransactionPooled: boolean;
  readonly #open = new Set<{ close(): Promise<void> }>();
  #pool: Sql;
  #pending = 0;
  #closed = false;

  constructor(url: string, limits: PostgresLimits, synchronousCommit: string, isTransactionPooled = false) {
    this.#isTransactionPooled = isTransactionPooled;
    this.#url = url;
    this.#limits = limits;
    this.#synchronousCommit = synchronousCommit;
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

  async listen(onPayload: (payload: string) => void, onGap: () => void): Promise<() => Promise<void>> {
    const listener = await listenPostgres({ url: this.#url, limits: this.#limits, onPayload, onGap });
    return this.#track(() => listener.stop());
  }

  async tryLock(logId: number): Promise<WriterLock | undefined> {
    const lock = await lockPostgres({
      url: this.#url,
      limits: this.#limits,
      logId,
      keepsSessions: !this.#isTransactionPooled,
    });
    if (lock === undefined) return undefined;
    const release = this.#track(() => lock.release());
    void lock.lost.then(release);
    return { ...lock, release };
  }

  async checkDurability(): Promise<{ readonly warnings: readonly string[] }> {
    const { warnings } = await checkPostgresDurability(this.#url, this.#limits);
    return { warnings: this.#isTransactionPooled ? [POOLER_WARNING, ...warnings] : warnings };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(Array.from(this.#open, (resource) => resource.close()));
    await this.#pool.end({ timeout: 5 });
  }

  /** Remembers a dedicated connection until it is stopped, so that `close` leaves nothing behind. */
  #track(stop: () => Promise<void>): () => Promise<void> {
    const resource = {
      close: async (): Promise<void> => {
        if (this.#open.delete(resource)) await stop();
      },
    };
    this.#open.add(resource);
    return resource.close;
  }

  #connect(): Sql {
    const pool = connectPool(this.#url, this.#limits, this.#synchronousCommit, () => this.#replacePool(pool, GRACE_S));
    return pool;
  }

  #replacePool(broken: Sql, graceSeconds: number): void {
    if (this.#pool !== broken || this.#closed) return;
    this.#pool = this.#connect();
    broken.end({ timeout: graceSeconds }).catch(() => {});
  }

  async #run<Result>(text: string, start: (pool: Sql) => PromiseLike<Result>): Promise<Result> {
    if (this.#closed) throw new SqlError('the store is closed');
    if (this.#pending >= this.#limits.maxPending) throw new GlasskeyError('overloaded', 'too many database requests');
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
    const { statementTimeoutMs, connectTimeoutMs } = this.#limits;
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
