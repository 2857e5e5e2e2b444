import { sql } from 'drizzle-orm';
import { ensure } from '../../core/errors.ts';
import type { TileName } from '../../core/prefix/tile-name.ts';
import { Batcher } from '../batcher.ts';
import type { LogStore } from '../ports.ts';
import { pruningRows } from '../pruning-rows.ts';
import { type StoreContext, withTile } from '../rows.ts';
import { entries, logTiles, prefixTiles, prunings } from '../schema.ts';
import { arrays, assignments, fields, given, names, type RowOf, statement } from '../statement.ts';
import { logTileColumns } from '../tile-rows.ts';
import type { Visibility } from './visibility.ts';

type Part = 'readEntries' | 'readLogTiles' | 'readPrefixTiles' | 'prune';

const ENTRY = {
  position: entries.position,
  auditEntry: entries.auditEntry,
  prefixTilePosition: entries.prefixTilePosition,
  prefixTileCounter: entries.prefixTileCounter,
};
const LOG_TILE = { tree: logTiles.tree, level: logTiles.level, index: logTiles.tileIndex, data: logTiles.data };
const PREFIX_TILE = { position: prefixTiles.position, counter: prefixTiles.counter, data: prefixTiles.data };

// Each names the column by which the table is distributed: Citus then asks only the shards that hold the rows.
const ENTRIES = statement(
  ['log', 'positions'],
  (values) => sql`select ${fields(ENTRY)} from ${entries}
  where ${entries.logId} = ${values.log} and ${entries.position} = any(${arrays([entries.position, values.positions])})`,
);

const LOG_TILES = statement(['log', 'trees', 'levels', 'indexes'], (values) => {
  const { logId, tree, level, tileIndex } = logTiles;
  const index = arrays([tileIndex, values.indexes]);
  return sql`select ${fields(LOG_TILE)} from ${logTiles}
  where ${logId} = ${values.log} and ${tileIndex} = any(${index})
    and (${tree}, ${level}, ${tileIndex}) in (
      select * from unnest(${arrays([tree, values.trees], [level, values.levels])}, ${index}))`;
});

const PREFIX_TILES = statement(['log', 'positions', 'counters'], (values) => {
  const { logId, position, counter } = prefixTiles;
  const at = arrays([position, values.positions]);
  return sql`select ${fields(PREFIX_TILE)} from ${prefixTiles}
  where ${logId} = ${values.log} and ${position} = any(${at})
    and (${position}, ${counter}) in (select * from unnest(${at}, ${arrays([counter, values.counters])}))`;
});

const MOVE_PRUNING = statement(['log', 'from', 'to'], (values) => {
  const { logId, position } = prunings;
  const [from, to] = [given(position, values.from), given(position, values.to)];
  return sql`with first as (
    insert into ${prunings} (${names(logId, position)})
    select ${given(logId, values.log)}, ${to} where ${from} = 0
    on conflict do nothing returning 1),
  later as (
    update ${prunings} set ${assignments(prunings, { position: to })}
    where ${logId} = ${values.log} and ${position} = ${from} and ${from} > 0
    returning 1)
  select (select count(*) from first) + (select count(*) from later) as moved`;
});

// A subquery and no join: so Citus asks the shards of these positions alone. An element of an array parameter by its
// place, `($3)[array_position($2, position)]`, ends the server process of Citus 13.2.2.
const STORE_UPDATES = statement(['log', 'positions', 'updates'], (values) => {
  const { logId, position, updateGzip } = entries;
  const at = arrays([position, values.positions]);
  const kept = sql`(select data from unnest(${at}, ${arrays([updateGzip, values.updates])}) as kept (place, data)
    where place = ${position})`;
  return sql`update ${entries} set ${assignments(entries, { updateGzip: kept })}
  where ${logId} = ${values.log} and ${position} = any(${at}) and octet_length(${updateGzip}) = 0`;
});

const DROP_TILES = statement(['log', 'positions', 'counters'], (values) => {
  const { logId, position, counter } = prefixTiles;
  const at = arrays([position, values.positions]);
  return sql`delete from ${prefixTiles}
  where ${logId} = ${values.log} and ${position} = any(${at})
    and (${position}, ${counter}) in (select * from unnest(${at}, ${arrays([counter, values.counters])}))
  returning 1 as one`;
});

/**
 * Entries and tiles that are distributed by their positions. Reads of prefix tiles that come together share a
 * statement. Pruning first stores the updates, and deletes tiles once every node shows these: a reader that misses a
 * tile then finds the update.
 */
export function distributedTreeRows(
  context: StoreContext,
  visibility: Pick<Visibility, 'settle'>,
): Pick<LogStore, Part> {
  const { driver, logId } = context;
  const { readPruned } = pruningRows(context);
  const prefixTileReads = new Batcher<TileName, Uint8Array | undefined>({
    maxItems: 256,
    maxRuns: 4,
    run: (tiles) => readPrefixTiles(context, tiles),
  });
  return {
    async readEntries(positions) {
      if (positions.length === 0) return [];
      const rows = await driver.query<RowOf<typeof ENTRY>>(ENTRIES.text, ENTRIES.bind({ log: logId, positions }));
      const found = new Map(rows.map((row) => [row.position, withTile(row)]));
      return positions.map((position) => found.get(position));
    },

    async readLogTiles(tiles) {
      if (tiles.length === 0) return [];
      const [trees, levels, indexes] = logTileColumns(tiles);
      const parameters = LOG_TILES.bind({ log: logId, trees, levels, indexes });
      const rows = await driver.query<RowOf<typeof LOG_TILE>>(LOG_TILES.text, parameters);
      const found = new Map(rows.map(({ tree, level, index, data }) => [`${tree}/${level}/${index}`, data]));
      return tiles.map(({ level, index }, i) => found.get(`${trees[i]}/${level}/${index}`));
    },

    readPrefixTiles: (tiles) => Promise.all(tiles.map((tile) => prefixTileReads.add(tile))),

    async prune({ from, to, prefixTiles: tiles, updates }) {
      ensure(to > from, 'internal', 'pruning moves forward only');
      if (updates.length > 0) {
        if ((await readPruned()) !== from) return undefined;
        await storeUpdates(context, updates);
        await visibility.settle();
      }
      const positions = tiles.map(({ position }) => position);
      const counters = tiles.map(({ counter }) => counter);
      return driver.transaction(async (run) => {
        const [row] = await run<{ moved: number }>(MOVE_PRUNING.text, MOVE_PRUNING.bind({ log: logId, from, to }));
        if (row?.moved !== 1) return undefined;
        const dropped = await run(DROP_TILES.text, DROP_TILES.bind({ log: logId, positions, counters }));
        return { dropped: dropped.length };
      });
    },
  };
}

async function readPrefixTiles(
  { driver, logId }: StoreContext,
  tiles: readonly TileName[],
): Promise<readonly (Uint8Array | undefined)[]> {
  const positions = tiles.map(({ position }) => position);
  const counters = tiles.map(({ counter }) => counter);
  const parameters = PREFIX_TILES.bind({ log: logId, positions, counters });
  const rows = await driver.query<RowOf<typeof PREFIX_TILE>>(PREFIX_TILES.text, parameters);
  const found = new Map(rows.map(({ position, counter, data }) => [`${position}/${counter}`, data]));
  return tiles.map(({ position, counter }) => found.get(`${position}/${counter}`));
}

async function storeUpdates(
  { driver, logId }: StoreContext,
  kept: Parameters<LogStore['prune']>[0]['updates'],
): Promise<void> {
  const positions = kept.map(({ position }) => position);
  const updates = kept.map(({ update }) => update);
  await driver.query(STORE_UPDATES.text, STORE_UPDATES.bind({ log: logId, positions, updates }));
}
