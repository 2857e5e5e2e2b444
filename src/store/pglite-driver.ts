import type { PGlite } from '@electric-sql/pglite';
import type { WriterLock } from './ports.ts';
import { ProcessLocks } from './process-locks.ts';
import {
  decodeBytea,
  encodeParameter,
  type RunInTransaction,
  type SqlDriver,
  type SqlParameter,
  type SqlRow,
} from './sql-driver.ts';
import { SqlError, toStorageError } from './sql-error.ts';

const BYTEA = 17;
const INT8 = 20;
const BOOL = 16;
const passThrough = (text: string): string => text;

/** Values of {@link encodeParameter} are PostgreSQL's text format already, and int8 is a number here. */
export const PGLITE_TYPES = {
  serializers: { [BYTEA]: passThrough, [INT8]: passThrough, [BOOL]: passThrough },
  parsers: { [BYTEA]: decodeBytea, [INT8]: Number },
};

/** Statements on an embedded database, which runs one at a time. */
export class PgliteDriver implements SqlDriver {
  readonly kind = 'pglite';
  /** False: no other process can open the folder. */
  readonly shared = false;
  readonly placement = undefined;
  readonly #database: PGlite;
  readonly #warnings: readonly string[];
  readonly #onClose: () => Promise<void>;
  readonly #locks: ProcessLocks;
  #closing: Promise<void> | undefined;

  /** `onClose` runs after the database has closed: it unlocks the folder. */
  constructor(database: PGlite, warnings: readonly string[], onClose: () => Promise<void>, leaseMs: number) {
    this.#locks = new ProcessLocks(leaseMs);
    this.#database = database;
    this.#warnings = warnings;
    this.#onClose = onClose;
  }

  /** One connection serves all, in the order of their calls. */
  get reserved(): this {
    return this;
  }

  async query<Row extends SqlRow>(text: string, parameters: readonly SqlParameter[]): Promise<readonly Row[]> {
    const work = () => this.#database.query<Row>(text, parameters.map(encodeParameter), PGLITE_TYPES);
    return (await this.#guard(work)).rows;
  }

  async queryArrays(text: string, parameters: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]> {
    const options = { ...PGLITE_TYPES, rowMode: 'array' } as const;
    const work = () => this.#database.query<unknown[]>(text, parameters.map(encodeParameter), options);
    return (await this.#guard(work)).rows;
  }

  queryAlone(_: string, text: string, parameters: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]> {
    return this.queryArrays(text, parameters);
  }

  transaction<Result>(work: (run: RunInTransaction) => Promise<Result>): Promise<Result> {
    return this.#guard(() =>
      this.#database.transaction((transaction) =>
        work(async <Row extends SqlRow>(text: string, parameters: readonly SqlParameter[]) => {
          const { rows } = await transaction.query<Row>(text, parameters.map(encodeParameter), PGLITE_TYPES);
          return rows;
        }),
      ),
    );
  }

  listen(): Promise<() => Promise<void>> {
    return Promise.resolve(() => Promise.resolve());
  }

  tryLock(logId: number): Promise<WriterLock | undefined> {
    return Promise.resolve(this.#locks.tryLock(logId));
  }

  checkDurability(): Promise<{ readonly warnings: readonly string[] }> {
    return Promise.resolve({ warnings: this.#warnings });
  }

  close(): Promise<void> {
    this.#closing ??= this.#database.close().then(this.#onClose, this.#onClose);
    return this.#closing;
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new SqlError('the store is closed');
    try {
      return await work();
    } catch (error) {
      throw toStorageError(error);
    }
  }
}
