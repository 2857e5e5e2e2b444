import { ensure } from '../errors.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import { distinguishedOnPath } from './distinguished.ts';
import { type Algorithm, askSearchLadder, askTimestamp, onTimestamps } from './evidence.ts';
import { frontier } from './implicit-search-tree.ts';

/** New versions of a label, and the owner's knowledge from before. */
export interface OwnerUpdateOptions {
  readonly size: number;
  readonly windowMs: number;
  /** The log entry that created the new versions; below `size`. */
  readonly position: number;
  /** The greatest version before; undefined if the label did not exist. */
  readonly previous: number | undefined;
  /**
   * The log entry up to which the owner knows the greatest version: the one that created `previous`, or the one where
   * ownership began.
   */
  readonly knownTo: number;
  /** Returns the greatest version expected in a log entry before `position`, if `previous` exists. */
  readonly expectedAt: (position: number) => number | undefined;
  /** The new versions, ascending. */
  readonly created: readonly number[];
}

/**
 * Runs the owner's check of new versions (KT §9.1): the log had no others before the entry that created them, and that
 * entry holds them. The result says if the entry is distinguished; if not, the owner now monitors it as a contact does.
 * Throws `unexpected-version`, `version-rolled-back`, `bad-ladder`.
 */
export function* ownerUpdate(options: OwnerUpdateOptions): Algorithm<{ readonly distinguished: boolean }> {
  const { size, windowMs, position, created } = options;
  if (position > 0) yield* searchPrevious(options);
  const onPath = yield* onTimestamps(distinguishedOnPath(position, size, windowMs));
  const distinguished = onPath.at(-1) === position;
  const greatest = created.at(-1);
  ensure(greatest !== undefined, 'usage', 'no new version');
  if (!distinguished) {
    yield* askTimestamp(position);
    const verdict = yield* askSearchLadder(position, greatest, true);
    ensure(verdict <= 0, 'unexpected-version', `entry ${position} holds a version above ${greatest}`);
    ensure(verdict === 0, 'bad-ladder', `entry ${position} does not hold version ${greatest}`);
  }
  yield* lookUpOthers(position, greatest, created);
  return { distinguished };
}

/**
 * Searches for the previous greatest version in the log as it was before (steps 1 and 2). A greatest-version search
 * starts at the rightmost distinguished entry. The owner's monitoring checks that entry, so its ladder counts as shown.
 */
function* searchPrevious({ size, windowMs, position, previous, knownTo, expectedAt }: OwnerUpdateOptions) {
  const onPath = yield* onTimestamps(distinguishedOnPath(position - 1, size, windowMs));
  const entries = frontier(position);
  const first = entries.findIndex((entry) => !onPath.includes(entry));
  if (first < 0) return;
  const distinguished = entries[first - 1];
  const passed = previous === undefined || distinguished === undefined ? first : first - 1;
  for (const entry of entries.slice(passed)) {
    if (previous !== undefined && (entry === distinguished || entry <= knownTo)) {
      yield { kind: 'known-ladder', position: entry, target: previous, greatest: expectedAt(entry) ?? -1 } as const;
      continue;
    }
    yield* askTimestamp(entry);
    const verdict = yield* askSearchLadder(entry, previous ?? 0, true);
    const holds = verdict === (previous === undefined ? -1 : 0);
    const above = previous === undefined || verdict > 0;
    ensure(holds || !above, 'unexpected-version', `entry ${entry} holds a version above ${previous ?? 'none'}`);
    ensure(holds, 'version-rolled-back', `entry ${entry} lacks version ${previous}`);
  }
}

/** Looks up the new versions that no search ladder for the greatest one contains (steps 3 and 4). */
function* lookUpOthers(position: number, greatest: number, created: readonly number[]): Algorithm<void> {
  const ladder = baseBinaryLadder(greatest);
  const versions = created.filter((version) => !ladder.includes(version));
  if (versions.length === 0) return;
  yield* askTimestamp(position);
  const included = yield { kind: 'lookups', position, versions } as const;
  ensure(included === versions.length, 'bad-ladder', `entry ${position} does not hold all new versions`);
}
