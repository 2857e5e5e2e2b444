import { monitoringBinaryLadder } from '../../core/keytrans/binary-ladder.ts';
import { mergeKnownVersions } from '../../core/keytrans/known-version.ts';
import { addToMonitorMap } from '../../core/keytrans/monitor-map.ts';
import type { KnownVersion, VerifiedSearch } from '../../core/keytrans/verify-search.ts';
import type { KnownContact, MonitoredVersion } from '../state/client-state.ts';

/** The monitoring state of a contact. */
export type Monitoring = Pick<KnownContact, 'monitored' | 'ladder'>;

/** The part of a search that monitoring needs. */
type Searched = Pick<VerifiedSearch, 'monitor' | 'ladder'>;

/**
 * Returns what to monitor after a verified search (KT §6.3, §7.2, §8.2): the new versions join the old ones, unless
 * monitoring one covers the other. Throws `bad-commitment` if a retained version now has another value.
 */
export function monitorSearched(known: Monitoring | undefined, search: Searched): Monitoring {
  const { monitored, ladder } = known ?? { monitored: [], ladder: [] };
  if (search.monitor === undefined) return { monitored, ladder };
  return monitorOnly(addToMonitorMap(monitored, search.monitor), mergeKnownVersions(ladder, search.ladder));
}

/** Keeps the part of a ladder that monitoring these versions needs (KT §8.1). */
export function monitorOnly(monitored: readonly MonitoredVersion[], ladder: readonly KnownVersion[]): Monitoring {
  const needed = new Set(monitored.flatMap(({ version }) => monitoringBinaryLadder(version)));
  return { monitored, ladder: ladder.filter(({ version }) => needed.has(version)) };
}
