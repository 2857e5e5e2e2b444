import { frontier, pathTo } from './implicit-search-tree.ts';

/**
 * An algorithm on distinguished log entries (KT §6.1): the reference points, about one in each Reasonable Monitoring
 * Window, that owners check and at which every search starts. It yields the position whose timestamp (ms) it needs and
 * receives that timestamp. It may request the same position again.
 */
export type TimestampAlgorithm<T> = Generator<number, T, number>;

/**
 * Finds the rightmost distinguished entry of a log of `size` >= 1 entries; undefined if there is none yet. That entry
 * is always on the frontier. Requests the rightmost entry first, then the frontier downwards as far as it is
 * distinguished.
 */
export function* rightmostDistinguished(size: number, windowMs: number): TimestampAlgorithm<number | undefined> {
  const right = yield size - 1;
  let left = 0;
  let found: number | undefined;
  for (const position of frontier(size)) {
    if (right - left < windowMs) return found;
    found = position;
    if (position !== size - 1) left = yield position;
  }
  return found;
}

/** The point where the path from the root to a log entry leaves the distinguished entries. */
export interface MonitoringPath {
  /** The entries on the direct path that lie to the right and are not distinguished, left to right (nearest first). */
  readonly ancestors: readonly number[];
  /** The nearest distinguished entry on the direct path that lies to the right, if there is one. */
  readonly distinguished: number | undefined;
}

/**
 * Finds the part of the direct path of `position` that contact monitoring inspects to its right (KT §8.2 steps 1 and
 * 2); undefined if `position` is itself distinguished. Requests timestamps from the root down to the parent, and stops
 * at the first entry that is not distinguished: no entry below it is.
 */
export function* monitoringPath(
  position: number,
  size: number,
  windowMs: number,
): TimestampAlgorithm<MonitoringPath | undefined> {
  let right = yield size - 1;
  let left = 0;
  let distinguished: number | undefined;
  const path = pathTo(position, size);
  for (const [i, node] of path.entries()) {
    if (right - left < windowMs) {
      const below = path.slice(i, -1).filter((ancestor) => ancestor > position);
      return { ancestors: below.toReversed(), distinguished };
    }
    if (node === position) break;
    const timestamp = yield node;
    if (position < node) {
      right = timestamp;
      distinguished = node;
    } else {
      left = timestamp;
    }
  }
  return undefined;
}

/**
 * Finds the distinguished log entries on the path from the root to `position`, including it, root first. Requests
 * timestamps from the root down to the parent, and stops at the first entry that is not distinguished: no entry below
 * it is.
 */
export function* distinguishedOnPath(
  position: number,
  size: number,
  windowMs: number,
): TimestampAlgorithm<readonly number[]> {
  let right = yield size - 1;
  let left = 0;
  const found: number[] = [];
  for (const node of pathTo(position, size)) {
    if (right - left < windowMs) break;
    found.push(node);
    if (node === position) break;
    const timestamp = yield node;
    if (position < node) right = timestamp;
    else left = timestamp;
  }
  return found;
}

/** Returns true if `position` is distinguished in a log of `size` entries: it and all its ancestors are. */
export function* isDistinguished(position: number, size: number, windowMs: number): TimestampAlgorithm<boolean> {
  return (yield* monitoringPath(position, size, windowMs)) === undefined;
}

/** Runs a timestamp algorithm on timestamps that are all available. */
export function runOnTimestamps<T>(algorithm: TimestampAlgorithm<T>, timestampOf: (position: number) => number): T {
  let step = algorithm.next();
  while (step.done !== true) step = algorithm.next(timestampOf(step.value));
  return step.value;
}
