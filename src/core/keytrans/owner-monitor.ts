import { ensure } from '../errors.ts';
import { type Algorithm, askSearchLadder, askTimestamp } from './evidence.ts';
import { leftChild, rightChild, rootOf } from './implicit-search-tree.ts';

/** An owner's expectations of a log. */
export interface OwnerMonitorOptions {
  readonly size: number;
  readonly windowMs: number;
  /** The rightmost distinguished entry that the owner has verified. */
  readonly start: number;
  /** Returns the greatest version that the owner expects in a log entry to the right of `start`; undefined for none. */
  readonly expectedAt: (position: number) => number | undefined;
  /** The greatest version that the owner knows. */
  readonly greatest: number | undefined;
}

/** The progress of an owner's monitoring. */
export interface OwnerMonitorEnd {
  /** The rightmost distinguished entry now verified. */
  readonly verified: number;
  /** True if that is the rightmost one of the log; otherwise the log stopped before. */
  readonly complete: boolean;
}

/**
 * Runs an owner's regular monitoring (KT §8.3, second algorithm): every distinguished log entry to the right of
 * `start`, from left to right, must hold what the owner expects and nothing more. Throws `unexpected-version` if an
 * entry holds a version that the owner did not make, and `version-rolled-back` if one lacks a version that it had.
 */
export function* ownerMonitoring(options: OwnerMonitorOptions): Algorithm<OwnerMonitorEnd> {
  const { size, windowMs, start } = options;
  let verified = start;
  let complete = true;
  const visit = function* (position: number, leftMs: number, rightMs: number): Algorithm<void> {
    if (!complete || rightMs - leftMs < windowMs) return;
    const left = leftChild(position);
    const right = rightChild(position, size);
    if (position <= start) {
      if (right !== undefined) yield* visit(right, yield* askTimestamp(position), rightMs);
      return;
    }
    if (left !== undefined) yield* visit(left, leftMs, yield* askTimestamp(position));
    complete &&= (yield { kind: 'go-on', position, expected: options.greatest }) === 1;
    if (!complete) return;
    // Its leaf is hashed, so its timestamp is needed even if it has no children (docs/spec.md#timestamps-of-leaves).
    const timestampMs = yield* askTimestamp(position);
    yield* inspect(position, options.expectedAt(position));
    verified = position;
    if (right !== undefined) yield* visit(right, timestampMs, rightMs);
  };
  yield* visit(rootOf(size), 0, yield* askTimestamp(size - 1));
  return { verified, complete };
}

/** Checks that the greatest version at `position` is the expected one. */
function* inspect(position: number, expected: number | undefined): Algorithm<void> {
  const verdict = yield* askSearchLadder(position, expected ?? 0, false);
  if (expected === undefined) {
    ensure(verdict === -1, 'unexpected-version', `entry ${position} holds a version of a label that has none`);
    return;
  }
  ensure(verdict <= 0, 'unexpected-version', `entry ${position} holds a version above ${expected}`);
  ensure(verdict === 0, 'version-rolled-back', `entry ${position} lacks version ${expected} or one below it`);
}
