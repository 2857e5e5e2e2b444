import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { rightmostDistinguished } from './distinguished.ts';
import { type Algorithm, askSearchLadder, askTimestamp, onTimestamps } from './evidence.ts';
import { isExpired } from './expiry.ts';
import type { SearchEnd } from './greatest-version-search.ts';
import { leftChild, rightChild, rootOf } from './implicit-search-tree.ts';

/** Where the walk of a fixed-version search ended (KT §7.2 steps 1 to 5). */
interface Walk {
  /** The entry of step 5, in which the target is the greatest version. */
  readonly exact: number | undefined;
  /** The leftmost inspected entry that contains a greater version. */
  readonly greater: number | undefined;
  /** Whether an expired entry was met. */
  readonly expired: boolean;
  /** Whether what the walk ended on is an entry that the label's owner had to check, or has such an entry to its left. */
  readonly ownerChecked: boolean;
}

/**
 * Searches a log of `size` entries for version `target` of a label (KT §7.2). Throws `version-expired` where only entries
 * past their maximum lifetime could show it, and `bad-ladder` where it does not exist.
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

/** The binary search for the first entry with `target`. Expiry is relative to the rightmost entry, which comes first. */
function* walk(config: Configuration, size: number, target: number): Algorithm<Walk> {
  const rightmostMs = yield* askTimestamp(size - 1);
  // The timestamps that bracket the entry: whether it is distinguished follows from them.
  let leftMs = 0;
  let rightMs = rightmostMs;
  let isDistinguished = true;
  let expired = false;
  // Whether an inspected, and so unexpired, distinguished entry is to the left of where the walk is.
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
