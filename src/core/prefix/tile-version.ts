import type { TileName } from './tile-name.ts';
import type { TileShape } from './tile-shape.ts';

/** Of so many consecutive versions of a tile, one at least is stored in full. */
export const FULL_TILE_INTERVAL = 32;

/**
 * A stored version of a tile. Index 0 is stored in full; a version of index `i` as the changes since its base, the
 * version of index `i & (i - 1)` in the same run. So a version has as many bases below each other as its index has
 * ones: five at most. Bases come and go like a stack: once a version is not a base of the next, it never is one again.
 */
export interface TileVersion extends TileShape {
  readonly name: TileName;
  /** 0..{@link FULL_TILE_INTERVAL} - 1. */
  readonly index: number;
  /** Undefined if and only if the index is 0. */
  readonly base: TileVersion | undefined;
}

/** Returns the index of the base of a version; its own index is not 0. */
export function baseIndex(index: number): number {
  return index & (index - 1);
}

/** Returns the base for the version that follows `previous`; undefined if that is to be stored in full. */
export function baseOfNext(previous: TileVersion): TileVersion | undefined {
  const index = previous.index + 1;
  if (index >= FULL_TILE_INTERVAL) return undefined;
  let base: TileVersion | undefined = previous;
  while (base !== undefined && base.index !== baseIndex(index)) base = base.base;
  return base;
}

/** Returns the names of the versions that must be read to read this one, nearest first. */
export function baseNames(version: TileVersion | undefined): TileName[] {
  const names: TileName[] = [];
  for (let base = version?.base; base !== undefined; base = base.base) names.push(base.name);
  return names;
}
