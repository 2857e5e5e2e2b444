import { timingSafeEqual } from 'node:crypto';
import { getTableColumns, getTableName, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { hmacSha256 } from '../core/crypto/hmac-sha256.ts';
import { concatBytes, encodeUtf8 } from '../core/encoding/bytes.ts';
import { encode, uint32 } from '../core/encoding/codec.ts';
import { GlasskeyError } from '../core/errors.ts';
import type { RowSealing } from './ports.ts';
import { given } from './statement.ts';

/** The columns of a row that its seal covers; which log it belongs to, the seal says by the log's name. */
export type SealedColumns<Table extends PgTable> = {
  readonly [Key in Exclude<keyof Table['$inferSelect'], 'logId' | 'mac'>]: Table['$inferSelect'][Key] | undefined;
};

const PURPOSE = encodeUtf8('glasskey sealed row v1\0');

interface Covered {
  readonly start: Uint8Array;
  readonly columns: readonly { readonly field: string; readonly name: string }[];
}

/**
 * Seals rows that authorise something (docs/spec.md#sealed-rows), so that write access to the database alone creates no
 * authority. A seal is an HMAC over the log's origin, the table and every column.
 */
export class RowSeals {
  readonly #options: RowSealing;
  readonly #hmac: (message: Uint8Array) => Uint8Array;
  /** The start of what the seals of a table cover, and the columns in their order, by the table's name. */
  readonly #covered = new Map<string, Covered>();

  constructor(options: RowSealing) {
    this.#options = options;
    this.#hmac = hmacSha256(options.key);
  }

  /** Returns the seal of a row. */
  seal<Table extends PgTable>(table: Table, row: SealedColumns<Table>): Uint8Array {
    const { start, columns } = this.#coveredBy(table);
    const values: Readonly<Record<string, unknown>> = row;
    const parts = [start];
    for (const { field, name } of columns) {
      const value = values[field];
      // A null column is left out, so that a column that a later program adds changes no seal.
      if (value === null || value === undefined) continue;
      parts.push(...framed(encodeUtf8(`${typeOf(value)} ${name}`)));
      parts.push(...framed(bytesOf(value)));
    }
    return this.#hmac(concatBytes(...parts));
  }

  #coveredBy(table: PgTable): Covered {
    const tableName = getTableName(table);
    const known = this.#covered.get(tableName);
    if (known !== undefined) return known;
    const columns = Object.entries(getTableColumns(table)).map(([field, { name }]) => ({ field, name }));
    const texts = [this.#options.origin, tableName].flatMap((text) => framed(encodeUtf8(text)));
    const covered = {
      start: concatBytes(PURPOSE, ...texts),
      columns: columns.filter(({ name }) => !isOutside(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    };
    this.#covered.set(tableName, covered);
    return covered;
  }

  /** Returns true if a row has the seal that {@link seal} gives it. */
  isSealed<Table extends PgTable>(table: Table, row: SealedColumns<Table>, mac: Uint8Array | null): boolean {
    const expected = this.seal(table, row);
    return mac !== null && mac.length === expected.length && timingSafeEqual(mac, expected);
  }

  /** Returns true if a row may authorise something. Reports one that may not. */
  accepts<Table extends PgTable>(table: Table, row: SealedColumns<Table>, mac: Uint8Array | null): boolean {
    if (this.isSealed(table, row, mac) || this.#options.acceptsUnsealed()) return true;
    this.#options.refused(getTableName(table));
    return false;
  }

  /**
   * Returns the seal of a row that this log changes, as a value for `update … set`: the seal of `after`, if the row has
   * that of `before`. A row without a valid seal, which counts for a while, gets none this way.
   */
  reseal<Table extends PgTable & { readonly mac: PgColumn }>(
    table: Table,
    before: SealedColumns<Table>,
    after: SealedColumns<Table>,
  ): SQL {
    const [old, next] = [given(table.mac, this.seal(table, before)), given(table.mac, this.seal(table, after))];
    return sql`case when ${table.mac} = ${old} then ${next} end`;
  }

  /** Throws `unsealed-row` unless a row may authorise something. */
  assert<Table extends PgTable>(table: Table, row: SealedColumns<Table>, mac: Uint8Array | null): void {
    if (this.accepts(table, row, mac)) return;
    this.#fail(table);
  }

  /** {@link assert} for a table that no program without seals has written: every row needs its seal at any time. */
  assertSealed<Table extends PgTable>(table: Table, row: SealedColumns<Table>, mac: Uint8Array | null): void {
    if (this.isSealed(table, row, mac)) return;
    this.#options.refused(getTableName(table));
    this.#fail(table);
  }

  #fail(table: PgTable): never {
    const text = `a row of ${getTableName(table)} has no valid seal: see glasskey admin seal-rows`;
    throw new GlasskeyError('unsealed-row', text);
  }
}

/** The log is named by its origin, and a seal does not cover itself. */
function isOutside(column: string): boolean {
  return column === 'log_id' || column === 'mac';
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : encodeUtf8(String(value));
}

/** Returns bytes after their 4-byte length. */
function framed(bytes: Uint8Array): [Uint8Array, Uint8Array] {
  return [encode(uint32, bytes.length), bytes];
}

function typeOf(value: unknown): string {
  return value instanceof Uint8Array ? 'bytes' : typeof value;
}
