import { ensure } from '../errors.ts';
import type { MonitorMapEntry } from './contact-monitor-messages.ts';
import { isInLeftSubtree } from './implicit-search-tree.ts';

/**
 * Adds one entry to a contact's or owner's monitoring map (KT §8.2) and returns it ascending by position. The map holds
 * the greatest version shown at each position. It drops an entry if monitoring another one covers it: the entry's
 * position is on the other's way up the tree, and its version is not greater.
 */
export function addToMonitorMap(
  entries: readonly MonitorMapEntry[],
  added: MonitorMapEntry,
): readonly MonitorMapEntry[] {
  const all = [...entries, added].sort((a, b) => a.position - b.position || b.version - a.version);
  const kept: MonitorMapEntry[] = [];
  for (const entry of all) if (!kept.some((other) => covers(other, entry))) kept.push(entry);
  return kept;
}

/** Returns true if monitoring `entry` reaches `other`'s position with a version at least as great. */
function covers(entry: MonitorMapEntry, other: MonitorMapEntry): boolean {
  if (other.version === entry.version) return true;
  const above = entry.position === other.position || isInLeftSubtree(entry.position, other.position);
  return above && other.version < entry.version;
}

/**
 * Checks the form of a monitoring map (KT §13.2): ascending by position, all below `size`, without duplicate positions
 * or versions. Throws `invalid-request`.
 */
export function assertMonitorMap(entries: readonly MonitorMapEntry[], size: number): void {
  const versions = new Set<number>();
  let previous = -1;
  for (const { position, version } of entries) {
    ensure(position > previous, 'invalid-request', 'the monitored positions do not ascend');
    ensure(!versions.has(version), 'invalid-request', `version ${version} is monitored twice`);
    previous = position;
    versions.add(version);
  }
  ensure(previous < size, 'invalid-request', `entry ${previous} is not in a log of ${size}`);
}

/**
 * Checks an untrusted monitoring map against the label's history (KT §13.2, §13.4 step 1). Each position is that of the
 * first log entry with its version, or is on the direct path of that entry and to its right. To its left the version
 * does not exist. `versionPositions` are the log entries that added versions 0, 1, 2…, all below `size`. Throws
 * `invalid-request`.
 */
export function assertMonitoredPositions(
  entries: readonly MonitorMapEntry[],
  size: number,
  versionPositions: readonly number[],
): void {
  assertMonitorMap(entries, size);
  for (const { position, version } of entries) {
    const first = versionPositions[version];
    const fits = first !== undefined && (first === position || isInLeftSubtree(first, position));
    ensure(fits, 'invalid-request', `version ${version} is not to be monitored at entry ${position}`);
  }
}
