import type { PgTable } from 'drizzle-orm/pg-core';

/** A row in which NULL is `undefined`. */
export type Present<Row> = {
  readonly [Key in keyof Row]: null extends Row[Key] ? NonNullable<Row[Key]> | undefined : Row[Key];
};

/** A row of a table of the schema as the store's port returns it: without the log, which the port belongs to. */
export type StoredRow<Table extends PgTable, Without extends keyof Table['$inferSelect'] = never> = Present<
  Omit<Table['$inferSelect'], 'logId' | Without>
>;

/** Returns the same row with `undefined` for NULL. */
export function present<Row extends object>(row: Row): Present<Row> {
  const entries = Object.entries(row).map(([key, value]) => [key, value ?? undefined]);
  return Object.fromEntries(entries) as Present<Row>;
}
