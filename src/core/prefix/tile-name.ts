/**
 * The name of a prefix tile: the log entry that wrote it, and a counter within that entry. The tile of a given name
 * never changes.
 */
export interface TileName {
  /** Log entry, 0..2^53-1. */
  readonly position: number;
  /** 0..2^32-1. */
  readonly counter: number;
}

/** Formats a tile's name as a key for a Map: `position/counter`. */
export function formatTileName({ position, counter }: TileName): string {
  return `${position}/${counter}`;
}
