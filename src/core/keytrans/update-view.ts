import { ensure } from '../errors.ts';
import { type Algorithm, askTimestamp } from './evidence.ts';
import { directPath, frontier } from './implicit-search-tree.ts';

/**
 * Lists the entries whose timestamps bring a client's view from a log of `last` entries to one of `size`, in order (KT
 * §4.2). Without `last` they are the frontier. Throws `view-mismatch` if the log would shrink.
 */
export function updateViewPositions(size: number, last: number | undefined): number[] {
  const newFrontier = frontier(size);
  if (last === undefined) return newFrontier;
  ensure(last >= 1 && last <= size, 'view-mismatch', `a log of ${size} entries does not follow one of ${last}`);
  if (last === size) return [];
  const path = directPath(last - 1, size).filter((position) => position >= last);
  // The last of these lies on the frontier; without any, entry last-1 itself does.
  const edge = path.at(-1) ?? last - 1;
  return [...path, ...newFrontier.filter((position) => position > edge)];
}

/** Updates a client's view of the tree (KT §4.2) by requesting the timestamps that show it to grow in time order. */
export function* updateView(size: number, last: number | undefined): Algorithm<void> {
  for (const position of updateViewPositions(size, last)) yield* askTimestamp(position);
}
