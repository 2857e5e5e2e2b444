import { ensure } from '../errors.ts';
import { rightmostDistinguished } from './distinguished.ts';
import { type Algorithm, askSearchLadder, onTimestamps } from './evidence.ts';
import { frontier, rootOf } from './implicit-search-tree.ts';

/** The end of a search. */
export interface SearchEnd {
  /** The terminal log entry: the leftmost inspected entry that contains the target version (KT §6.3). */
  readonly terminalPosition: number;
  /** The rightmost distinguished entry, if there is one yet. */
  readonly rightmostDistinguished: number | undefined;
}

/**
 * Returns the entries that a search inspects: from the rightmost distinguished one (or the root) down the frontier (KT
 * §6.3).
 */
function inspected(size: number, distinguished: number | undefined): number[] {
  const start = distinguished ?? rootOf(size);
  return frontier(size).filter((position) => position >= start);
}

/**
 * Searches a log of `size` entries for the greatest version of a label, claimed to be `target` (KT §6.3). Throws
 * `bad-ladder` if an entry contains a greater version, or if the rightmost entry does not contain `target`.
 */
export function* greatestVersionSearch(size: number, windowMs: number, target: number): Algorithm<SearchEnd> {
  const distinguished = yield* onTimestamps(rightmostDistinguished(size, windowMs));
  let terminalPosition: number | undefined;
  for (const position of inspected(size, distinguished)) {
    const verdict = yield* askSearchLadder(position, target, true);
    ensure(verdict <= 0, 'bad-ladder', `entry ${position} contains a greater version than ${target}`);
    if (position === size - 1) {
      ensure(verdict === 0, 'bad-ladder', `the rightmost entry does not contain version ${target}`);
    }
    if (verdict === 0) terminalPosition ??= position;
  }
  ensure(terminalPosition !== undefined, 'bad-ladder', 'no inspected entry contains the version');
  return { terminalPosition, rightmostDistinguished: distinguished };
}

/**
 * Establishes that a label does not exist in a log of `size` entries (docs/spec.md#negative-answers). It walks a
 * greatest-version search with target 0, in which version 0 is absent from every inspected entry. Throws `bad-ladder`.
 */
export function* absenceSearch(size: number, windowMs: number): Algorithm<undefined> {
  const distinguished = yield* onTimestamps(rightmostDistinguished(size, windowMs));
  for (const position of inspected(size, distinguished)) {
    const verdict = yield* askSearchLadder(position, 0, false);
    ensure(verdict === -1, 'bad-ladder', `entry ${position} contains version 0 of a label said to be absent`);
  }
  return undefined;
}
