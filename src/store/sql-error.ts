import { GlasskeyError } from '../core/errors.ts';
import type { StorageFailure } from './ports.ts';

/**
 * SQLSTATEs that stored data can cause. Those of other classes are of outages: connection, transaction state (such as a
 * server that only reads), refused users (such as a changed password), a database that is gone, rollback by others,
 * resources, objects in use, operator (such as a timeout), system.
 */
const BY_DATA = /^(?!08|25|28|3D|40|53|55|57|58)(\d\w|P0|XX)\w{3}$/;

/**
 * A refusal or failure of the database: `storage-failed`, with the SQLSTATE if there is one. It carries neither the
 * statement's parameters nor the database's detail lines, which hold data.
 */
export class SqlError extends GlasskeyError implements StorageFailure {
  /** Five characters, or the driver's own code if the connection failed (`CONNECTION_CLOSED`, `ECONNREFUSED`). */
  readonly sqlState: string | undefined;
  readonly constraint: string | undefined;

  constructor(message: string, sqlState?: string, constraint?: string) {
    super('storage-failed', message);
    this.name = 'SqlError';
    this.sqlState = sqlState;
    this.constraint = constraint;
  }

  get isByData(): boolean {
    return this.sqlState !== undefined && BY_DATA.test(this.sqlState);
  }
}

/** Codes of a full disk: PostgreSQL's, which the embedded database has as well, and those of the file system. */
const DISK_FULL: readonly unknown[] = ['53100', 'ENOSPC', 'EDQUOT'];

/** Returns a driver's error as a {@link SqlError}; a {@link GlasskeyError} stays as it is. */
export function toStorageError(error: unknown): GlasskeyError {
  if (error instanceof GlasskeyError) return error;
  if (!(error instanceof Error)) return new SqlError('the database failed');
  const fields = error as Error & { code?: unknown; constraint_name?: unknown; constraint?: unknown };
  const code = typeof fields.code === 'string' ? fields.code : undefined;
  const constraint = [fields.constraint_name, fields.constraint].find((name) => typeof name === 'string');
  const suffix = code === undefined ? '' : ` (${code})`;
  const what = DISK_FULL.includes(code) ? 'its disk is full, make room: ' : '';
  return new SqlError(`database: ${what}${summary(error)}${suffix}`, code, constraint);
}

function summary(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors[0] : undefined;
  const message = error.message === '' && inner instanceof Error ? inner.message : error.message;
  return message.split('\n', 1)[0]?.slice(0, 300) ?? '';
}

/** Class of the internal errors, by which Citus reports a node that is out of reach or fails. */
const INTERNAL = /^XX/;
/** SQLSTATE of a connection that failed. */
const CONNECTION_FAILURE = '08006';

/** Returns an error of distributed tables: Citus's internal errors are outages of a node, and not of the data. */
export function ofNode(error: GlasskeyError): GlasskeyError {
  const isOutage = error instanceof SqlError && INTERNAL.test(error.sqlState ?? '');
  return isOutage ? new SqlError(error.message, CONNECTION_FAILURE) : error;
}

/** Returns true if the database cannot plan a statement, as Citus says of some on distributed tables. */
export function isUnplannable(error: unknown): boolean {
  return error instanceof SqlError && (error.sqlState === '0A000' || INTERNAL.test(error.sqlState ?? ''));
}

/** Returns true if `error` is a unique violation (of a given constraint). */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return (
    error instanceof SqlError &&
    error.sqlState === '23505' &&
    (constraint === undefined || error.constraint === constraint)
  );
}

/** Returns true if a statement undid itself, by dividing by zero, because a condition of its own does not hold. */
export function isRefused(error: unknown): boolean {
  return error instanceof SqlError && error.sqlState === '22012';
}

/** SQLSTATEs of a rollback that only other transactions caused: deadlock, serialisation failure. */
const ROLLED_BACK: readonly unknown[] = ['40P01', '40001'];

/** Codes of a connection that breaks, or that the server or PgBouncer (08P01) ends, while a statement is under way. */
const DISCONNECTED: readonly unknown[] = [
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
  '57P01',
  '08P01',
];

/** Returns true if a statement can run again: it did nothing, or it only reads and lost its connection. */
export function isRetriable(error: unknown, onlyReads: boolean): boolean {
  if (!(error instanceof SqlError)) return false;
  return ROLLED_BACK.includes(error.sqlState) || (onlyReads && DISCONNECTED.includes(error.sqlState));
}
