import { and, asc, desc, eq, gte, lt, sql } from 'drizzle-orm';
import { ensure } from '../core/errors.ts';
import type { HeadRow, LogStore, ReleasedHead } from './ports.ts';
import { inOrder, type StoreContext, withTile } from './rows.ts';
import { entries, heads, releasedHeads } from './schema.ts';
import { arrays, columnsBut, fields, type RowOf, statement } from './statement.ts';

type Part =
  | 'readHead'
  | 'readLogEnd'
  | 'readEntries'
  | 'readEntryRange'
  | 'readUpdate'
  | 'readReleased'
  | 'readReleasedAt';

/** Maximum of rows in one range read. */
export const MAX_RANGE = 1024;

const HEAD = columnsBut(heads, 'logId');
const ENTRY = {
  position: entries.position,
  auditEntry: entries.auditEntry,
  prefixTilePosition: entries.prefixTilePosition,
  prefixTileCounter: entries.prefixTileCounter,
};
const RELEASED = columnsBut(releasedHeads, 'logId');

const ENTRIES = statement(
  ['log', 'positions'],
  (values) => sql`select asked.ord, found.*
  from unnest(${arrays([entries.position, values.positions])}) with ordinality as asked (position, ord)
  cross join lateral (
    select ${fields(ENTRY)} from ${entries}
    where ${entries.logId} = ${values.log} and ${entries.position} = asked.position limit 1) as found`,
);

/** Heads, entries and releases of one log. */
export function logRows(context: StoreContext): Pick<LogStore, Part> {
  const { driver, queries, logId, seals } = context;
  const readRow = queries.prepare([], (db) => db.select(HEAD).from(heads).where(eq(heads.logId, logId)));
  const readSealed = async () => {
    const [found] = await readRow({});
    ensure(found !== undefined, 'storage-corrupt', 'the log has no head row');
    const { mac, ...row } = found;
    // An empty log authorises nothing: what else its row says is never used.
    if (row.size > 0) seals?.assert(heads, row, mac);
    return row;
  };
  const ofReleased = eq(releasedHeads.logId, logId);
  const readReleased = queries.prepare([], (db) =>
    db.select(RELEASED).from(releasedHeads).where(ofReleased).orderBy(desc(releasedHeads.size)).limit(1),
  );
  return {
    async readHead(): Promise<HeadRow> {
      const { logEnd: _, ...row } = await readSealed();
      return withTile(row);
    },

    async readLogEnd() {
      const { size, logEnd } = await readSealed();
      return size === 0 ? undefined : (logEnd ?? undefined);
    },

    async readEntries(positions) {
      if (positions.length === 0) return [];
      const parameters = ENTRIES.bind({ log: logId, positions });
      const rows = await driver.query<RowOf<typeof ENTRY> & { ord: number }>(ENTRIES.text, parameters);
      return inOrder(rows, positions.length, withTile);
    },

    async readEntryRange(start, end) {
      ensure(end - start <= MAX_RANGE, 'value-out-of-range', `at most ${MAX_RANGE} entries at a time`);
      const { position } = entries;
      const rows = await queries.run((db) =>
        db
          .select(ENTRY)
          .from(entries)
          .where(and(eq(entries.logId, logId), gte(position, start), lt(position, end)))
          .orderBy(asc(position)),
      );
      return rows.map(withTile);
    },

    async readUpdate(position) {
      const at = and(eq(entries.logId, logId), eq(entries.position, position));
      const [row] = await queries.run((db) => db.select({ update: entries.updateGzip }).from(entries).where(at));
      return row === undefined || row.update.length === 0 ? undefined : row.update;
    },

    async readReleased() {
      const [row] = await readReleased({});
      return row;
    },

    readReleasedAt: (size) => readReleasedAt(context, size),
  };
}

/** Implements {@link LogStore.readReleasedAt}. */
export async function readReleasedAt(
  { queries, logId }: StoreContext,
  size: number,
): Promise<ReleasedHead | undefined> {
  const at = and(eq(releasedHeads.logId, logId), eq(releasedHeads.size, size));
  const [row] = await queries.run((db) => db.select(RELEASED).from(releasedHeads).where(at));
  return row;
}
