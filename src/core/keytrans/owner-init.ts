import type { ErrorCode } from '../error-codes.ts';
import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { isDistinguished } from './distinguished.ts';
import { type Algorithm, askSearchLadder, askTimestamp, onTimestamps } from './evidence.ts';
import { isExpired } from './expiry.ts';
import { pathTo } from './implicit-search-tree.ts';

/**
 * The greatest version of the label in the log entry at `position`, the `index`th that is inspected; undefined where the
 * label did not exist.
 */
export type ClaimedVersion = (index: number, position: number) => number | undefined;

/** Where an ownership begins. */
export interface OwnerInitOptions {
  readonly size: number;
  readonly start: number;
  readonly claimed: ClaimedVersion;
  /** The code for a `start` that is not distinguished: a wrong request to a log, and to a client a log that lies. */
  readonly notDistinguished: Extract<ErrorCode, 'invalid-request' | 'view-mismatch'>;
}

/**
 * Begins an owner's monitoring (KT §8.3, first algorithm) in a log of `size` entries: what was the label's greatest version
 * at `start`, and at the entries to its left that searches pass? Gives the inspected entries' versions, from right to left.
 * Throws `notDistinguished` for a `start` that is not, `version-expired` for an expired one, `bad-ladder` where an entry does
 * not hold what is claimed.
 */
export function* ownerInit(
  config: Configuration,
  { size, start, claimed, notDistinguished }: OwnerInitOptions,
): Algorithm<readonly (number | undefined)[]> {
  const windowMs = config.reasonableMonitoringWindowMs;
  const rightmostMs = yield* askTimestamp(size - 1);
  const isAllowed = yield* onTimestamps(isDistinguished(start, size, windowMs));
  ensure(isAllowed, notDistinguished, `entry ${start} is not distinguished`);
  const startMs = yield* askTimestamp(start);
  ensure(!isExpired(config, startMs, rightmostMs), 'version-expired', `entry ${start} is past its lifetime`);

  const found: (number | undefined)[] = [];
  const path = pathTo(start, size);
  for (const position of path.toReversed().filter((node) => node <= start)) {
    if (isExpired(config, yield* askTimestamp(position), rightmostMs)) break;
    const version = claimed(found.length, position);
    yield* inspect(position, version);
    const follows = found.length === 0 || (version ?? -1) <= (found.at(-1) ?? -1);
    ensure(follows, 'bad-ladder', `the version at entry ${position} is above one to its right`);
    found.push(version);
  }
  return found;
}

function* inspect(position: number, version: number | undefined): Algorithm<void> {
  const verdict = yield* askSearchLadder(position, version ?? 0, false);
  const expected = version === undefined ? -1 : 0;
  ensure(verdict === expected, 'bad-ladder', `the greatest version at entry ${position} is not ${version ?? 'none'}`);
}
