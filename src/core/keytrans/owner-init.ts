import type { ErrorCode } from '../error-codes.ts';
import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { isDistinguished } from './distinguished.ts';
import { type Algorithm, askSearchLadder, askTimestamp, onTimestamps } from './evidence.ts';
import { isExpired } from './expiry.ts';
import { pathTo } from './implicit-search-tree.ts';

/**
 * Returns the greatest version of the label in the log entry at `position`, the `index`th inspected entry; undefined if
 * the label did not exist.
 */
export type ClaimedVersion = (index: number, position: number) => number | undefined;

/** The input of an owner's initialisation. */
export interface OwnerInitOptions {
  readonly size: number;
  readonly start: number;
  readonly claimed: ClaimedVersion;
  /** The code thrown if `start` is not distinguished. To a log the request is wrong; to a client the log lies. */
  readonly notDistinguished: Extract<ErrorCode, 'invalid-request' | 'view-mismatch'>;
}

/**
 * Begins an owner's monitoring (KT §8.3, first algorithm) in a log of `size` entries. It establishes the label's
 * greatest version at `start`, and at the entries to its left that searches pass. Returns these versions from right to
 * left. Throws `notDistinguished` if `start` is not distinguished, `version-expired` if it has expired, and
 * `bad-ladder` if an entry does not hold the claimed version.
 */
export function* ownerInitialization(
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
