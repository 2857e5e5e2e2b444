import { Buffer } from 'node:buffer';
import type { WriterLock } from './ports.ts';

/** A parameter of a statement. `undefined` is NULL. */
export type SqlValue = string | number | Uint8Array | null | undefined;
export type SqlParameter = SqlValue | readonly SqlValue[];

/** A value of a column: int8 and int4 are numbers, bytea is a plain Uint8Array, int8[] an array of numbers. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Options of one run of a statement. */
export interface SqlOptions {
  /** Plans the statement for these parameters and the present tables, instead of once for ever. */
  readonly replan?: boolean;
}

/** Runs a statement of a transaction, with `$1…` parameters, and returns its rows. */
export type RunInTransaction = <Row extends SqlRow>(
  text: string,
  parameters: readonly SqlParameter[],
) => Promise<readonly Row[]>;

/** Runs statements on some connections to the database. */
export interface SqlStatements {
  /** Runs a statement with `$1…` parameters and returns its rows. Throws {@link SqlError}, `overloaded`. */
  query<Row extends SqlRow>(
    text: string,
    parameters: readonly SqlParameter[],
    options?: SqlOptions,
  ): Promise<readonly Row[]>;
  /** Runs a query of the builder; each row is an array of its columns. Throws {@link SqlError}, `overloaded`. */
  queryArrays(text: string, parameters: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]>;
  /** {@link queryArrays}, after all runs under the same key have committed: what it counts cannot change. */
  queryAlone(key: string, text: string, parameters: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]>;
  /**
   * Runs statements in one transaction, which commits if `work` resolves. After a rollback that only other transactions
   * caused, `work` runs again. Throws {@link SqlError}, `overloaded`, and what `work` throws.
   */
  transaction<Result>(work: (run: RunInTransaction) => Promise<Result>): Promise<Result>;
}

/**
 * The small port that the store's queries use; PostgreSQL and PGlite implement it. Each statement is a transaction:
 * changes that belong together are one statement, so that no connection is ever held between two. The exceptions are
 * `queryAlone`, whose statement needs a snapshot that is younger than its lock, and `transaction`, for tables that are
 * distributed.
 */
export interface SqlDriver extends SqlStatements {
  readonly kind: 'postgres' | 'pglite';
  /** Statements on connections that no request uses, so that requests cannot starve them. */
  readonly reserved: SqlStatements;
  /** True if other processes can use the same database, and so need NOTIFY. */
  readonly shared: boolean;
  /** The placement of the large tables; undefined if they can only be in one place. */
  readonly placement: Placement | undefined;
  /** Listens to other processes on {@link CHANNEL}. Calls `onGap` whenever it may have missed a notification. */
  listen(onPayload: (payload: string) => void, onGap: () => void): Promise<() => Promise<void>>;
  tryLock(logId: number): Promise<WriterLock | undefined>;
  checkDurability(): Promise<{ readonly warnings: readonly string[] }>;
  close(): Promise<void>;
}

/** The placement of a database's large tables, which `glasskey admin distribute` changes while servers run. */
export interface Placement {
  /** True once this process knows that they are distributed over several nodes. */
  readonly isDistributed: boolean;
  /** Asks the database again. Returns true if the tables are distributed and this process did not know it. */
  recheck(): Promise<boolean>;
}

/** Name of the one channel on which Glasskey's processes notify each other. */
export const CHANNEL = 'glasskey';
/** Payload of the notification that tables were distributed. */
export const PLACEMENT_CHANGED = 'distributed';

/** Encodes a parameter in PostgreSQL's text format. */
export function encodeParameter(value: SqlParameter): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (value instanceof Uint8Array) return `\\x${hex(value)}`;
  return `{${value.map(encodeElement).join(',')}}`;
}

function encodeElement(value: SqlValue): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (value instanceof Uint8Array) return `"\\\\x${hex(value)}"`;
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Decodes a bytea in PostgreSQL's hex format to a plain array that owns its memory (no slice of a shared pool). */
export function decodeBytea(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length - 2) / 2);
  Buffer.from(bytes.buffer).write(text.slice(2), 'hex');
  return bytes;
}

/** Decodes an int8[] in PostgreSQL's text format. */
export function decodeIntegers(text: string): number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(Number);
}
