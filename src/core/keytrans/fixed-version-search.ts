import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { rightmostDistinguished } from './distinguished.ts';
import { type Algorithm, askSearchLadder, askTimestamp, onTimestamps } from './evidence.ts';
import { isExpired } from './expiry.ts';
import type { SearchEnd } from './greatest-version-search.ts';
import { leftChild, rightChild, rootOf } from './implicit-search-tree.ts';

/** The end of the walk of a fixed-version search (KT §7.2 steps 1 to 5). */
interface Walk {
  /** The entry of step 5, whose greatest version is the target. */
  readonly exact: number | undefined;
  /** The leftmost inspected entry that contains a greater version. */
  readonly greater: number | undefined;
  /** True if the walk met an expired entry. */
  readonly expired: boolean;
  /** True if the walk ended on an entry that the label's owner had to check, or passed such an entry to its left. */
  readonly ownerChecked: boolean;
}

/**
 * Searches a log of `size` entries for version `target` of a label (KT §7.2). Throws `version-expired` if only entries
 * past their maximum lifetime could show it, and `bad-ladder` if it does not exist.
 */
export function* fixedVersionSearch(config: Configuration, size: number, target: number): Algorithm<SearchEnd> {
  const { exact, greater, expired, ownerChecked } = yield* walk(config, size, target);
  const terminalPosition = exact ?? greater;
  ensure(terminalPosition !== undefined, 'bad-ladder', `no log entry contains version ${target}`);
  ensure(!expired || ownerChecked, 'version-expired', `version ${target} is past its lifetime`);
  if (exact === undefined) {
    const included = yield { kind: 'lookups', position: terminalPosition, versions: [target] };
    ensure(included === 1, 'bad-ladder', `entry ${terminalPosition} does not contain version ${target}`);
  }
  const windowMs = config.reasonableMonitoringWindowMs;
  return { terminalPosition, rightmostDistinguished: yield* onTimestamps(rightmostDistinguished(size, windowMs)) };
}

/**
 * Runs the binary search for the first entry with `target`. Expiry is relative to the rightmost entry, which comes
 * first.
 */
function* walk(config: Configuration, size: number, target: number): Algorithm<Walk> {
  const rightmostMs = yield* askTimestamp(size - 1);
  // The timestamps that bracket the entry determine if it is distinguished.
  let leftMs = 0;
  let rightMs = rightmostMs;
  let isDistinguished = true;
  let expired = false;
  // True if an inspected, and so unexpired, distinguished entry lies to the left of the walk's position.
  let checkedToLeft = false;
  let greater: number | undefined;
  let position: number | undefined = rootOf(size);
  while (position !== undefined) {
    const timestampMs: number = yield* askTimestamp(position);
    isDistinguished &&= rightMs - leftMs >= config.reasonableMonitoringWindowMs;
    const isPast = isExpired(config, timestampMs, rightmostMs);
    const verdict = isPast ? -1 : yield* askSearchLadder(position, target, true);
    if (verdict === 0) {
      return { exact: position, greater, expired, ownerChecked: isDistinguished || checkedToLeft };
    }
    if (verdict > 0) {
      greater = position;
      rightMs = timestampMs;
      position = leftChild(position);
    } else {
      expired ||= isPast;
      checkedToLeft ||= isDistinguished && !isPast;
      leftMs = timestampMs;
      position = rightChild(position, size);
    }
  }
  return { exact: undefined, greater, expired, ownerChecked: checkedToLeft };
}
