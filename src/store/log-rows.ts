import { and, asc, desc, eq, gte, lt, sql } from 'drizzle-orm';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import type { HeadRow, LogStore, LogTileName, ReleasedHead, TreeKind } from './ports.ts';
import { inOrder, type StoreContext, withTile } from './rows.ts';
import { entries, heads, logTiles, prefixTiles, releasedHeads } from './schema.ts';
import { arrays, columnsBut, fields, givenAs, type RowOf, statement } from './statement.ts';

type Part =
  | 'readHead'
  | 'readLogEnd'
  | 'readEntries'
  | 'readEntryRange'
  | 'readLogTiles'
  | 'readPrefixTiles'
  | 'readUpdate'
  | 'release'
  | 'readReleased'
  | 'readReleasedAt';

/** Maximum of rows in one range read. */
export const MAX_RANGE = 1024;

/** The number of a tree in `log_tiles`. */
function treeNumber(tree: TreeKind): number {
  return tree === 'keytrans' ? 0 : 1;
}

const HEAD = {
  size: heads.size,
  timestampMs: heads.timestampMs,
  prefixRoot: heads.prefixRoot,
  prefixTilePosition: heads.prefixTilePosition,
  prefixTileCounter: heads.prefixTileCounter,
  logRoot: heads.logRoot,
  auditRoot: heads.auditRoot,
  logEdge: heads.logEdge,
  auditEdge: heads.auditEdge,
};
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

const LOG_TILES = statement(['log', 'trees', 'levels', 'indexes'], (values) => {
  const { logId, tree, level, tileIndex, data } = logTiles;
  return sql`select asked.ord, found.data
  from unnest(${arrays([tree, values.trees], [level, values.levels], [tileIndex, values.indexes])})
    with ordinality as asked (tree, level, tile_index, ord)
  cross join lateral (
    select ${fields({ data })} from ${logTiles}
    where ${logId} = ${values.log} and ${tree} = asked.tree and ${level} = asked.level
      and ${tileIndex} = asked.tile_index
    limit 1) as found`;
});

const PREFIX_TILES = statement(['log', 'positions', 'counters'], (values) => {
  const { logId, position, counter, data } = prefixTiles;
  return sql`select asked.ord, found.data
  from unnest(${arrays([position, values.positions], [counter, values.counters])})
    with ordinality as asked (position, counter, ord)
  cross join lateral (
    select ${fields({ data })} from ${prefixTiles}
    where ${logId} = ${values.log} and ${position} = asked.position and ${counter} = asked.counter limit 1) as found`;
});

type TileData = { readonly ord: number; readonly data: Uint8Array };

/** Heads, entries, tiles and releases of one log. */
export function logRows(context: StoreContext): Pick<LogStore, Part> {
  const { driver, queries, logId } = context;
  const readHead = queries.prepare([], (db) => db.select(HEAD).from(heads).where(eq(heads.logId, logId)));
  const ofReleased = eq(releasedHeads.logId, logId);
  const readReleased = queries.prepare([], (db) =>
    db.select(RELEASED).from(releasedHeads).where(ofReleased).orderBy(desc(releasedHeads.size)).limit(1),
  );
  return {
    async readHead(): Promise<HeadRow> {
      const [row] = await readHead({});
      ensure(row !== undefined, 'storage-corrupt', 'the log has no head row');
      return withTile(row);
    },

    async readLogEnd() {
      const { logEnd } = heads;
      const [row] = await queries.run((db) => db.select({ logEnd }).from(heads).where(eq(heads.logId, logId)));
      return row?.logEnd ?? undefined;
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

    async readLogTiles(tiles) {
      if (tiles.length === 0) return [];
      const [trees, levels, indexes] = logTileColumns(tiles);
      const parameters = LOG_TILES.bind({ log: logId, trees, levels, indexes });
      const rows = await driver.query<TileData>(LOG_TILES.text, parameters);
      return inOrder(rows, tiles.length, (row) => row.data);
    },

    async readPrefixTiles(tiles) {
      if (tiles.length === 0) return [];
      const positions = tiles.map((name) => name.position);
      const counters = tiles.map((name) => name.counter);
      const parameters = PREFIX_TILES.bind({ log: logId, positions, counters });
      const rows = await driver.query<TileData>(PREFIX_TILES.text, parameters);
      return inOrder(rows, tiles.length, (row) => row.data);
    },

    async readUpdate(position) {
      const at = and(eq(entries.logId, logId), eq(entries.position, position));
      const [row] = await queries.run((db) => db.select({ update: entries.updateGzip }).from(entries).where(at));
      return row?.update;
    },

    release: (head) => release(context, head),

    async readReleased() {
      const [row] = await readReleased({});
      return row;
    },

    readReleasedAt: (size) => readReleasedAt(context, size),
  };
}

/** Returns the columns tree, level and index of log tile names, as arrays. */
export function logTileColumns(tiles: readonly LogTileName[]): [number[], number[], number[]] {
  return [tiles.map((name) => treeNumber(name.tree)), tiles.map((name) => name.level), tiles.map((name) => name.index)];
}

async function readReleasedAt({ queries, logId }: StoreContext, size: number): Promise<ReleasedHead | undefined> {
  const at = and(eq(releasedHeads.logId, logId), eq(releasedHeads.size, size));
  const [row] = await queries.run((db) => db.select(RELEASED).from(releasedHeads).where(at));
  return row;
}

async function release(context: StoreContext, head: ReleasedHead): Promise<void> {
  const { queries, logId } = context;
  const { channel, event } = context.eventValues('released');
  const { size, signature, checkpoint } = releasedHeads;
  const stored = await queries.run((db) => {
    const committed = db
      .select({
        logId: givenAs(releasedHeads.logId, logId),
        size: givenAs(size, head.size),
        signature: givenAs(signature, head.signature),
        checkpoint: givenAs(checkpoint, head.checkpoint),
      })
      .from(heads)
      .where(and(eq(heads.logId, logId), gte(heads.size, head.size)));
    const insert = db.insert(releasedHeads).select(committed).onConflictDoNothing().returning({ size });
    const released = db.$with('released').as(insert);
    const announced = sql`pg_notify(${channel}, ${event})`;
    return db.with(released).select({ size: released.size, announced }).from(released);
  });
  if (stored.length === 0) await assertSameRelease(context, head);
  else context.emit('released');
}

async function assertSameRelease(context: StoreContext, head: ReleasedHead): Promise<void> {
  const stored = await readReleasedAt(context, head.size);
  if (stored === undefined) throw new GlasskeyError('internal', 'a head was signed that is not committed');
  const same = equalBytes(stored.signature, head.signature) && stored.checkpoint === head.checkpoint;
  ensure(same, 'log-forked', `another head of size ${head.size} was released`);
}
