import { frontier, pathTo } from './implicit-search-tree.ts';

/**
 * Distinguished log entries (KT §6.1): the reference points, about one in each Reasonable Monitoring Window, that owners
 * check and that every search starts from.
 *
 * The algorithms are generators: each yields the position whose timestamp (ms) it needs, and is sent that timestamp.
 * The same position may be asked for again.
 */
export type TimestampAlgorithm<T> = Generator<number, T, number>;

/**
 * The rightmost distinguished entry of a log of `size` >= 1 entries, or undefined where there is none yet. It is always
 * on the frontier. Asks for the rightmost entry first, then down the frontier as far as it is distinguished.
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

/** Tells whether `position` is distinguished in a log of `size` entries: it and all its ancestors are. */
export function* isDistinguished(position: number, size: number, windowMs: number): TimestampAlgorithm<boolean> {
  let right = yield size - 1;
  let left = 0;
  for (const node of pathTo(position, size)) {
    if (right - left < windowMs) return false;
    if (node === position) break;
    const timestamp = yield node;
    if (position < node) right = timestamp;
    else left = timestamp;
  }
  return true;
}

/** Runs a timestamp algorithm on timestamps that are all at hand. */
export function runOnTimestamps<T>(algorithm: TimestampAlgorithm<T>, timestampOf: (position: number) => number): T {
  let step = algorithm.next();
  while (step.done !== true) step = algorithm.next(timestampOf(step.value));
  return step.value;
}
