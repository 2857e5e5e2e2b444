import { ensure } from '../errors.ts';
import type { MonitorMapEntry } from './contact-monitor-messages.ts';
import { monitoringPath, rightmostDistinguished } from './distinguished.ts';
import { type Algorithm, askTimestamp, onTimestamps } from './evidence.ts';
import { addToMonitorMap, assertMonitorMap } from './monitor-map.ts';

/** The result of contact monitoring. */
export interface MonitorEnd {
  /** The entries still to be monitored, ascending by position. No position is distinguished. */
  readonly entries: readonly MonitorMapEntry[];
  /** In an owner's monitoring: entries that are settled once the owner has verified their distinguished entry. */
  readonly awaiting: readonly (MonitorMapEntry & { readonly distinguished: number })[];
  /** The rightmost distinguished log entry, if there is one yet. */
  readonly rightmostDistinguished: number | undefined;
}

/** The input of contact monitoring. */
export interface MonitorOptions {
  readonly size: number;
  readonly windowMs: number;
  /** The monitoring map. */
  readonly entries: readonly MonitorMapEntry[];
  /**
   * For owner monitoring only: the rightmost distinguished entry that the owner has verified. The owner's algorithm
   * then inspects the distinguished entries to its right (KT §8.2 step 2.4).
   */
  readonly ownerStart?: number | undefined;
}

/**
 * Runs contact monitoring (KT §8.2): from the rightmost entry of the map to the leftmost, up the tree to the first
 * distinguished log entry. Throws `version-rolled-back` if a monitored version is missing on the way, and
 * `invalid-request` for a malformed map.
 */
export function* contactMonitoring(options: MonitorOptions): Algorithm<MonitorEnd> {
  const { size, windowMs, entries, ownerStart } = options;
  assertMonitorMap(entries, size);
  /** The target versions of the ladders provided so far, by log entry. */
  const provided = new Map<number, number>();
  let kept: readonly MonitorMapEntry[] = [];
  const awaiting: (MonitorMapEntry & { distinguished: number })[] = [];
  for (const entry of entries.toReversed()) {
    const path = yield* onTimestamps(monitoringPath(entry.position, size, windowMs));
    // The label's owner inspects distinguished entries.
    if (path === undefined) continue;
    const { ancestors, distinguished } = path;
    const leftToOwner = ownerStart !== undefined && entry.position >= ownerStart;
    const inspectEnd = distinguished !== undefined && !leftToOwner;
    const moved = yield* climb(entry, inspectEnd ? [...ancestors, distinguished] : ancestors, provided);
    if (moved === undefined) continue;
    if (distinguished === undefined) kept = addToMonitorMap(kept, moved);
    else if (leftToOwner) awaiting.unshift({ ...moved, distinguished });
  }
  return {
    entries: kept,
    awaiting,
    rightmostDistinguished: yield* onTimestamps(rightmostDistinguished(size, windowMs)),
  };
}

/**
 * Inspects log entries from left to right. Returns the entry's new place, or undefined if a greater version covers it.
 */
function* climb(
  entry: MonitorMapEntry,
  list: readonly number[],
  provided: Map<number, number>,
): Algorithm<MonitorMapEntry | undefined> {
  const { version } = entry;
  let place = entry.position;
  for (const position of list) {
    const target = provided.get(position);
    if (target !== undefined) {
      // The request is at fault: an honest log never leads a client to such a map.
      ensure(target > version, 'invalid-request', `versions ${target} and ${version} are monitored in the wrong order`);
      return undefined;
    }
    // The leaf of an inspected entry is hashed, so its timestamp is needed too (docs/spec.md#timestamps-of-leaves).
    yield* askTimestamp(position);
    const outcome = yield { kind: 'monitoring-ladder', position, target: version };
    ensure(outcome === 0, 'version-rolled-back', `entry ${position} lacks version ${version}, which was there before`);
    provided.set(position, version);
    place = position;
  }
  return { position: place, version };
}
