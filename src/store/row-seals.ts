import { createHmac, timingSafeEqual } from 'node:crypto';
import { getTableColumns, getTableName, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';
import type { RowSealing } from './ports.ts';
import { given } from './statement.ts';

/** The columns of a row that its seal covers; which log it belongs to, the seal says by the log's name. */
export type SealedColumns<Table extends PgTable> = {
  readonly [Key in Exclude<keyof Table['$inferSelect'], 'logId' | 'mac'>]: Table['$inferSelect'][Key] | undefined;
};

/**
 * Seals rows that authorise something (docs/spec.md#sealed-rows), so that write access to the database alone creates no
 * authority. A seal is an HMAC over the log's origin, the table and every column.
 */
export class RowSeals {
  readonly #options: RowSealing;

  constructor(options: RowSealing) {
    this.#options = options;
  }

  /** Returns the seal of a row. */
  seal<Table extends PgTable>(table: Table, row: SealedColumns<Table>): Uint8Array {
    const { key, origin } = this.#options;
    const mac = createHmac('sha256', key).update('glasskey sealed row v1\0');
    const add = (part: Uint8Array): void => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      mac.update(length).update(part);
    };
    add(encodeUtf8(origin));
    add(encodeUtf8(getTableName(table)));
    const values: Readonly<Record<string, unknown>> = row;
    const columns = Object.entries(getTableColumns(table)).map(([field, { name }]) => [name, values[field]] as const);
    // A null column is left out, so that a column that a later program adds changes no seal.
    const present = columns.filter(([name, value]) => !isOutside(name) && value !== null && value !== undefined);
    for (const [name, value] of present.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      add(encodeUtf8(`${typeOf(value)} ${name}`));
      add(value instanceof Uint8Array ? value : encodeUtf8(String(value)));
    }
    return new Uint8Array(mac.digest());
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
    const text = `a row of ${getTableName(table)} has no valid seal: see glasskey admin seal-rows`;
    throw new GlasskeyError('unsealed-row', text);
  }
}

/** The log is named by its origin, and a seal does not cover itself. */
function isOutside(column: string): boolean {
  return column === 'log_id' || column === 'mac';
}

function typeOf(value: unknown): string {
  return value instanceof Uint8Array ? 'bytes' : typeof value;
}
