import { sql } from 'drizzle-orm';
import type { TileName } from '../core/prefix/tile-name.ts';
import { Batcher } from './batcher.ts';
import type { LogStore, LogTileName, TreeKind } from './ports.ts';
import { inOrder, type StoreContext } from './rows.ts';
import { logTiles, prefixTiles } from './schema.ts';
import { arrays, fields, statement } from './statement.ts';

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

/** Tiles of the log trees and of the prefix tree. Reads of prefix tiles that come together share a statement. */
export function tileRows(context: StoreContext): Pick<LogStore, 'readLogTiles' | 'readPrefixTiles'> {
  const { driver, logId } = context;
  const prefixTiles = new Batcher<TileName, Uint8Array | undefined>({
    maxItems: 256,
    maxRuns: 4,
    run: (names) => readPrefixTiles(context, names),
  });
  return {
    async readLogTiles(tiles) {
      if (tiles.length === 0) return [];
      const [trees, levels, indexes] = logTileColumns(tiles);
      const parameters = LOG_TILES.bind({ log: logId, trees, levels, indexes });
      const rows = await driver.query<TileData>(LOG_TILES.text, parameters);
      return inOrder(rows, tiles.length, (row) => row.data);
    },

    readPrefixTiles: (tiles) => Promise.all(tiles.map((name) => prefixTiles.add(name))),
  };
}

async function readPrefixTiles(
  { driver, logId }: StoreContext,
  tiles: readonly TileName[],
): Promise<readonly (Uint8Array | undefined)[]> {
  const positions = tiles.map((name) => name.position);
  const counters = tiles.map((name) => name.counter);
  const parameters = PREFIX_TILES.bind({ log: logId, positions, counters });
  const rows = await driver.query<TileData>(PREFIX_TILES.text, parameters);
  return inOrder(rows, tiles.length, (row) => row.data);
}

/** Returns the columns tree, level and index of log tile names, as arrays. */
export function logTileColumns(tiles: readonly LogTileName[]): [number[], number[], number[]] {
  return [tiles.map((name) => treeNumber(name.tree)), tiles.map((name) => name.level), tiles.map((name) => name.index)];
}

/** The number of a tree in `log_tiles`. */
function treeNumber(tree: TreeKind): number {
  return tree === 'keytrans' ? 0 : 1;
}
