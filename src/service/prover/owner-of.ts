import type { KnownVersion } from '../../core/keytrans/known-version.ts';
import type { MonitorMapEntry } from '../../core/keytrans/contact-monitor-messages.ts';
import type { OwnerState } from '../../core/keytrans/owner-state.ts';
import type { AskedLabel } from './asked-label.ts';

/** What the owner retains who sends a request like this one: for verifying its answer. */
export function ownerOf(
  { label, positions }: AskedLabel,
  known: {
    readonly start: number;
    readonly greatestVersion: number | undefined;
    readonly entries: readonly MonitorMapEntry[];
    readonly ladder: readonly KnownVersion[];
  },
): OwnerState {
  const { start, greatestVersion, entries, ladder } = known;
  const history = positions.slice(0, (greatestVersion ?? -1) + 1).map((position, version) => ({ position, version }));
  return {
    label,
    start,
    versionAtStart: history.findLast(({ position }) => position <= start)?.version,
    upcoming: history.filter(({ position }) => position > start),
    entries,
    ladder,
  };
}
