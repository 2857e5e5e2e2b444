import type { Configuration } from './configuration.ts';
import { type Algorithm, askTimestamp } from './evidence.ts';
import { isExpired } from './expiry.ts';
import { leftChild, rightChild, rootOf } from './implicit-search-tree.ts';
import { RECENT_HEADS } from './known-head.ts';

/** A subtree of the log, with the timestamps (ms) that bracket it. */
interface Subtree {
  readonly root: number;
  readonly leftMs: number;
  readonly rightMs: number;
}

/**
 * Walks the recent distinguished log entries of a log of `size` entries (KT §10.1). Returns, left to right, the
 * positions of the {@link RECENT_HEADS} rightmost ones that have not expired and lie right of `stop`.
 */
export function* distinguishedWalk(
  config: Configuration,
  size: number,
  stop: number | undefined,
): Algorithm<readonly number[]> {
  const rightmostMs = yield* askTimestamp(size - 1);
  const found: number[] = [];
  const visit = function* ({ root, leftMs, rightMs }: Subtree): Algorithm<void> {
    if (rightMs - leftMs < config.reasonableMonitoringWindowMs) return;
    const timestampMs = yield* askTimestamp(root);
    const right = rightChild(root, size);
    if (right !== undefined) yield* visit({ root: right, leftMs: timestampMs, rightMs });
    if (stop !== undefined && root <= stop) return;
    if (found.length === RECENT_HEADS || isExpired(config, timestampMs, rightmostMs)) return;
    found.unshift(root);
    const left = leftChild(root);
    if (left !== undefined) yield* visit({ root: left, leftMs, rightMs: timestampMs });
  };
  yield* visit({ root: rootOf(size), leftMs: 0, rightMs: rightmostMs });
  return found;
}
