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
