import { ensure, GlasskeyError } from '../core/errors.ts';
import type { EntryRow, HeadRow, LogStore, LogTileName, ReleasedHead, TreeKind } from './ports.ts';
import { inOrder, orUndefined, tileOf, type StoreContext, type TileColumns } from './rows.ts';
import { equalBytes } from '../core/encoding/bytes.ts';

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

/** Most rows that one range read gives. */
export const MAX_RANGE = 1024;

/** The smallint that stands for a tree in `log_tiles`. */
function treeNumber(tree: TreeKind): number {
  return tree === 'keytrans' ? 0 : 1;
}

type HeadColumns = TileColumns & {
  readonly size: number;
  readonly timestamp_ms: number;
  readonly prefix_root: Uint8Array;
  readonly log_root: Uint8Array;
  readonly audit_root: Uint8Array;
  readonly log_edge: Uint8Array;
  readonly audit_edge: Uint8Array;
};

type EntryColumns = TileColumns & { readonly position: number; readonly audit_entry: Uint8Array };

const HEAD = `select size, timestamp_ms, prefix_root, prefix_tile_position, prefix_tile_counter, log_root, audit_root,
  log_edge, audit_edge from heads where log_id = $1`;

const LOG_END = 'select log_end from heads where log_id = $1';

const ENTRIES = `select asked.ord, found.* from unnest($2::int8[]) with ordinality as asked (position, ord)
  cross join lateral (select position, audit_entry, prefix_tile_position, prefix_tile_counter from entries
    where log_id = $1 and entries.position = asked.position limit 1) as found`;

const ENTRY_RANGE = `select position, audit_entry, prefix_tile_position, prefix_tile_counter from entries
  where log_id = $1 and position >= $2 and position < $3 order by position`;

const LOG_TILES = `select asked.ord, found.data
  from unnest($2::int8[], $3::int8[], $4::int8[]) with ordinality as asked (tree, level, tile_index, ord)
  cross join lateral (select data from log_tiles where log_id = $1 and tree = asked.tree::int2
    and level = asked.level::int2 and tile_index = asked.tile_index limit 1) as found`;

const PREFIX_TILES = `select asked.ord, found.data
  from unnest($2::int8[], $3::int8[]) with ordinality as asked (position, counter, ord)
  cross join lateral (select data from prefix_tiles where log_id = $1 and prefix_tiles.position = asked.position
    and prefix_tiles.counter = asked.counter limit 1) as found`;

const UPDATE = 'select update_gzip from entries where log_id = $1 and position = $2';

const RELEASE = `with released as (
    insert into released_heads (log_id, size, signature, checkpoint)
    select log_id, $2::int8, $3::bytea, $4::text from heads where log_id = $1 and size >= $2::int8
    on conflict do nothing returning size)
  select size, pg_notify($5, $6) as told from released`;

const RELEASED = 'select size, signature, checkpoint from released_heads where log_id = $1 order by size desc limit 1';
const RELEASED_AT = 'select size, signature, checkpoint from released_heads where log_id = $1 and size = $2';

/** Heads, entries, tiles and releases of one log. */
export function logRows(context: StoreContext): Pick<LogStore, Part> {
  const { driver, logId } = context;
  return {
    async readHead(): Promise<HeadRow> {
      const [row] = await driver.query<HeadColumns>(HEAD, [logId]);
      ensure(row !== undefined, 'storage-corrupt', 'the log has no head row');
      return toHead(row);
    },

    async readLogEnd() {
      const [row] = await driver.query<{ log_end: Uint8Array | null }>(LOG_END, [logId]);
      return orUndefined(row?.log_end ?? null);
    },

    async readEntries(positions) {
      if (positions.length === 0) return [];
      const rows = await driver.query<EntryColumns & { ord: number }>(ENTRIES, [logId, positions]);
      return inOrder(rows, positions.length, toEntry);
    },

    async readEntryRange(start, end) {
      ensure(end - start <= MAX_RANGE, 'value-out-of-range', `at most ${MAX_RANGE} entries at a time`);
      const rows = await driver.query<EntryColumns>(ENTRY_RANGE, [logId, start, end]);
      return rows.map(toEntry);
    },

    async readLogTiles(names) {
      if (names.length === 0) return [];
      const rows = await driver.query<{ ord: number; data: Uint8Array }>(LOG_TILES, [logId, ...logTileColumns(names)]);
      return inOrder(rows, names.length, (row) => row.data);
    },

    async readPrefixTiles(names) {
      if (names.length === 0) return [];
      const positions = names.map((name) => name.position);
      const counters = names.map((name) => name.counter);
      const rows = await driver.query<{ ord: number; data: Uint8Array }>(PREFIX_TILES, [logId, positions, counters]);
      return inOrder(rows, names.length, (row) => row.data);
    },

    async readUpdate(position) {
      const [row] = await driver.query<{ update_gzip: Uint8Array }>(UPDATE, [logId, position]);
      return row?.update_gzip;
    },

    release: (head) => release(context, head),

    async readReleased() {
      const [row] = await driver.query<ReleasedColumns>(RELEASED, [logId]);
      return row;
    },

    async readReleasedAt(size) {
      const [row] = await driver.query<ReleasedColumns>(RELEASED_AT, [logId, size]);
      return row;
    },
  };
}

type ReleasedColumns = { readonly [K in keyof ReleasedHead]: ReleasedHead[K] };

/** Columns tree, level, index of log tile names, as arrays. */
export function logTileColumns(names: readonly LogTileName[]): [number[], number[], number[]] {
  return [names.map((name) => treeNumber(name.tree)), names.map((name) => name.level), names.map((name) => name.index)];
}

async function release(context: StoreContext, head: ReleasedHead): Promise<void> {
  const { driver, logId } = context;
  const { channel, event } = context.eventValues('released');
  const parameters = [logId, head.size, head.signature, head.checkpoint, channel, event];
  const released = await driver.query(RELEASE, parameters);
  if (released.length === 0) await assertSameRelease(context, head);
  else context.emit('released');
}

async function assertSameRelease({ driver, logId }: StoreContext, head: ReleasedHead): Promise<void> {
  const [stored] = await driver.query<ReleasedColumns>(RELEASED_AT, [logId, head.size]);
  if (stored === undefined) throw new GlasskeyError('internal', 'a head was signed that is not committed');
  const same = equalBytes(stored.signature, head.signature) && stored.checkpoint === head.checkpoint;
  ensure(same, 'log-forked', `another head of size ${head.size} was released`);
}

function toHead(row: HeadColumns): HeadRow {
  return {
    size: row.size,
    timestampMs: row.timestamp_ms,
    prefixRoot: row.prefix_root,
    prefixTile: tileOf(row),
    logRoot: row.log_root,
    auditRoot: row.audit_root,
    logEdge: row.log_edge,
    auditEdge: row.audit_edge,
  };
}

function toEntry(row: EntryColumns): EntryRow {
  return { position: row.position, auditEntry: row.audit_entry, prefixTile: tileOf(row) };
}
