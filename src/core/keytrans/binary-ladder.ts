import { ensure } from '../errors.ts';

/** The greatest version that can exist (KT §5). */
export const GREATEST_VERSION = 2 ** 32 - 1;

const NONE: ReadonlySet<number> = new Set();

function assertVersion(version: number): void {
  ensure(
    Number.isInteger(version) && version >= 0 && version <= GREATEST_VERSION,
    'value-out-of-range',
    `version ${version} is not in 0..2^32-1`,
  );
}

/**
 * Returns the base binary ladder: the versions looked up, in order, to establish that `greatest` is the greatest
 * version of a label (KT §5, Appendix B). It skips versions above 2^32-1 as if they were absent.
 */
export function baseBinaryLadder(greatest: number): number[] {
  assertVersion(greatest);
  const versions: number[] = [];
  let upper = 0;
  let lower = 0;
  for (let power = 1; ; power *= 2) {
    lower = upper;
    upper = power - 1;
    versions.push(upper);
    if (upper > greatest) break;
  }
  while (lower + 1 < upper) {
    const middle = Math.floor((lower + upper) / 2);
    versions.push(middle);
    if (middle <= greatest) lower = middle;
    else upper = middle;
  }
  return versions.filter((version) => version <= GREATEST_VERSION);
}

/** Returns true if a search ladder for `target` ends after the lookup of `version` with this outcome (KT §6.2). */
export function endsSearchLadder(target: number, version: number, included: boolean): boolean {
  return included ? version > target : version <= target;
}

/**
 * Returns the search binary ladder (KT §6.2, Appendix B) for the target version `target` if the greatest version
 * present is `greatest`. It omits lookups whose outcome was shown already: inclusions to the left, non-inclusions to
 * the right.
 */
export function searchBinaryLadder(
  target: number,
  greatest: number,
  leftInclusion: ReadonlySet<number> = NONE,
  rightNonInclusion: ReadonlySet<number> = NONE,
): number[] {
  assertVersion(target);
  const versions: number[] = [];
  for (const version of baseBinaryLadder(greatest)) {
    if (!leftInclusion.has(version) && !rightNonInclusion.has(version)) versions.push(version);
    if (endsSearchLadder(target, version, version <= greatest)) break;
  }
  return versions;
}

/** Returns the monitoring binary ladder for version `target` (KT §8.1, Appendix B). */
export function monitoringBinaryLadder(target: number): number[] {
  return baseBinaryLadder(target).filter((version) => version <= target);
}

/** The verdict of a search ladder: the greatest version present is below (-1), equal to (0) or above (1) the target. */
export type LadderVerdict = -1 | 0 | 1;

/**
 * Interprets the outcomes of a search binary ladder for `target` (KT §6.2). `results` are in the order of
 * {@link baseBinaryLadder}`(target)`, true for an inclusion. Throws `bad-ladder` if there are too few or too many.
 */
export function interpretSearchLadder(target: number, results: readonly boolean[]): LadderVerdict {
  const versions = baseBinaryLadder(target);
  for (const [i, version] of versions.entries()) {
    const included = results[i];
    ensure(included !== undefined, 'bad-ladder', 'the ladder ends too early');
    if (!endsSearchLadder(target, version, included)) continue;
    ensure(results.length === i + 1, 'bad-ladder', 'the ladder goes on after its end');
    return included ? 1 : -1;
  }
  ensure(results.length === versions.length, 'bad-ladder', 'the ladder goes on after its end');
  return 0;
}

/**
 * Returns the versions of a label that have to be absent while `greatest` is its greatest one (undefined: there is
 * none), in the order of the ladder. Whoever finds a greater version in the log finds one of these: a ladder for it
 * takes the same way as the ladder for `greatest` up to the first of them that it needs (docs/spec.md#watched-keys). So
 * a client that knows the search keys of these versions sees, in what the log's entries add, that a version came.
 */
export function versionsToWatch(greatest: number | undefined): number[] {
  if (greatest === undefined) return [0];
  return baseBinaryLadder(greatest).filter((version) => version > greatest);
}
