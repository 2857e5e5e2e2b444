import { formatHex, parseHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import type { TileName } from '../core/prefix/tile-name.ts';
import type { HeadRow, LogEvent } from './ports.ts';
import type { Queries } from './queries.ts';
import type { RowSeals, SealedColumns } from './row-seals.ts';
import type { heads } from './schema.ts';
import type { SqlStatements } from './sql-driver.ts';

/** The database and the log, which all parts of a `LogStore` share. */
export interface StoreContext {
  /** For statements written by hand. */
  readonly driver: SqlStatements;
  /** For all others. */
  readonly queries: Queries;
  readonly logId: number;
  readonly now: () => number;
  /** Seals rows that authorise something; undefined for a caller that reads and writes none of them. */
  readonly seals: RowSeals | undefined;
  /** Parameters of `pg_notify`: a statement that changes the log announces `event` to other processes on commit. */
  readonly eventValues: (event: LogEvent) => { readonly channel: string; readonly event: string };
  /** Calls the listeners of this process. */
  readonly emit: (event: LogEvent) => void;
  /** Calls the listeners of this process, and notifies other processes soon, of many submissions at once. */
  readonly emitSubmitted: () => void;
}

/** An update that is derived from the trees, in `entries.update_gzip`: no bytes. */
export const DERIVED = new Uint8Array(0);

/** The columns in which a row names a prefix tile. */
interface TileColumns {
  readonly prefixTilePosition: number | null;
  readonly prefixTileCounter: number | null;
}

/** A row with the prefix tile that it names, if any. */
export function withTile<Row extends TileColumns>(
  row: Row,
): Omit<Row, keyof TileColumns> & { readonly prefixTile: TileName | undefined } {
  const { prefixTilePosition: position, prefixTileCounter: counter, ...others } = row;
  return { ...others, prefixTile: position === null || counter === null ? undefined : { position, counter } };
}

/** The columns of a head, which its seal covers; the other way round from {@link withTile}. */
export function headColumns(
  { prefixTile, ...others }: HeadRow,
  logEnd: Uint8Array | undefined,
): SealedColumns<typeof heads> {
  return { ...others, prefixTilePosition: prefixTile?.position, prefixTileCounter: prefixTile?.counter, logEnd };
}

/** Returns the bytes of a serial. Throws `value-out-of-range` unless it is lower-case hex of 1 to 20 bytes. */
export function serialBytes(serial: string): Uint8Array {
  ensure(/^(?:[0-9a-f]{2}){1,20}$/.test(serial), 'value-out-of-range', 'a serial is lower-case hex of 1 to 20 bytes');
  return parseHex(serial);
}

/** Returns the serial of its bytes. */
export function serialText(bytes: Uint8Array): string {
  return formatHex(bytes);
}

/** Returns a version of a label as the key of a Map. Keys sort like the rows. */
export function keyOf({ labelKey, version }: { readonly labelKey: Uint8Array; readonly version: number }): string {
  return `${formatHex(labelKey)}/${String(version).padStart(10, '0')}`;
}

/**
 * Rows of a query whose `ord` column is the 1-based index of the name that was asked for, in the order of the names,
 * with `undefined` for each that has none.
 */
export function inOrder<Row extends { readonly ord: number }, T>(
  rows: readonly Row[],
  length: number,
  map: (row: Omit<Row, 'ord'>) => T,
): (T | undefined)[] {
  const found = Array.from<T | undefined>({ length });
  for (const { ord, ...row } of rows) found[ord - 1] = map(row);
  return found;
}
