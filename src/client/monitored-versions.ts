import { monitoringBinaryLadder } from '../core/keytrans/binary-ladder.ts';
import { addToMonitorMap } from '../core/keytrans/monitor-map.ts';
import type { KnownVersion, VerifiedSearch } from '../core/keytrans/verify-search.ts';
import type { KnownContact, MonitoredVersion } from './client-state.ts';

/** What a contact's monitoring is made of. */
export type Monitoring = Pick<KnownContact, 'monitored' | 'ladder'>;

/** What of a search a monitoring needs. */
type Searched = Pick<VerifiedSearch, 'monitor' | 'ladder'>;

/**
 * What is to be monitored after a verified search (KT §6.3, §7.2, §8.2): what the search left to monitor joins what was there
 * before, unless monitoring one covers the other.
 */
export function monitorSearched(known: Monitoring | undefined, search: Searched): Monitoring {
  const { monitored, ladder } = known ?? { monitored: [], ladder: [] };
  if (search.monitor === undefined) return { monitored, ladder };
  return monitorOnly(addToMonitorMap(monitored, search.monitor), mergeLadders(ladder, search.ladder));
}

/** Keeps of a ladder what the monitoring of these versions needs (KT §8.1). */
export function monitorOnly(monitored: readonly MonitoredVersion[], ladder: readonly KnownVersion[]): Monitoring {
  const needed = new Set(monitored.flatMap(({ version }) => monitoringBinaryLadder(version)));
  return { monitored, ladder: ladder.filter(({ version }) => needed.has(version)) };
}

/** What two ladders of one label tell, ascending by version; the second is the later one. */
export function mergeLadders(first: readonly KnownVersion[], second: readonly KnownVersion[]): readonly KnownVersion[] {
  const merged = new Map<number, KnownVersion>();
  for (const known of [...first, ...second]) {
    // A version that did not exist once has no commitment there.
    if (known.commitment !== undefined || !merged.has(known.version)) merged.set(known.version, known);
  }
  return [...merged.values()].sort((a, b) => a.version - b.version);
}
