import type { PrefixTile } from './prefix-tile.ts';
import { formatTileName, type TileName } from './tile-name.ts';
import type { TileRequests } from './tile-paths.ts';

/** Reads tiles by name, in the order of the names. Throws `storage-corrupt` if one is missing. */
export type ReadTiles = (names: readonly TileName[]) => Promise<readonly PrefixTile[]>;

/** Runs one operation on a prefix tree, with one call of `read` per tile level. */
export async function driveTiles<R>(work: TileRequests<R>, read: ReadTiles): Promise<R> {
  let step = work.next();
  while (step.done !== true) step = work.next(await read(step.value));
  return step.value;
}

/** Runs one operation on a prefix tree whose tiles are all in memory. */
export function driveTilesSync<R>(work: TileRequests<R>, read: (name: TileName) => PrefixTile): R {
  let step = work.next();
  while (step.done !== true) step = work.next(step.value.map(read));
  return step.value;
}

/**
 * Runs several operations in lockstep, so that together they need no more calls of `read` than the deepest one alone. A
 * tile that several of them request in one step is read once.
 */
export async function driveTilesTogether<R>(works: readonly TileRequests<R>[], read: ReadTiles): Promise<R[]> {
  const steps = works.map((work) => work.next());
  for (;;) {
    const wanted = new Map<string, TileName>();
    for (const step of steps) {
      if (step.done !== true) for (const name of step.value) wanted.set(formatTileName(name), name);
    }
    if (wanted.size === 0) break;
    const tiles = await read([...wanted.values()]);
    const byName = new Map([...wanted.keys()].map((key, index) => [key, tiles[index] as PrefixTile]));
    steps.forEach((step, index) => {
      if (step.done === true) return;
      const answer = step.value.map((name) => byName.get(formatTileName(name)) as PrefixTile);
      steps[index] = (works[index] as TileRequests<R>).next(answer);
    });
  }
  return steps.map((step) => step.value as R);
}
