import { monitoringBinaryLadder } from '../../core/keytrans/binary-ladder.ts';
import { mergeKnownVersions } from '../../core/keytrans/known-version.ts';
import { addToMonitorMap } from '../../core/keytrans/monitor-map.ts';
import type { KnownVersion, VerifiedSearch } from '../../core/keytrans/verify-search.ts';
import type { KnownContact, MonitoredVersion } from '../state/client-state.ts';

/** What a contact's monitoring is made of. */
export type Monitoring = Pick<KnownContact, 'monitored' | 'ladder'>;

/** What of a search a monitoring needs. */
type Searched = Pick<VerifiedSearch, 'monitor' | 'ladder'>;

/**
 * What is to be monitored after a verified search (KT §6.3, §7.2, §8.2): what the search left to monitor joins what was there
 * before, unless monitoring one covers the other. Throws `bad-commitment` where a retained version now has another value.
 */
export function monitorSearched(known: Monitoring | undefined, search: Searched): Monitoring {
  const { monitored, ladder } = known ?? { monitored: [], ladder: [] };
  if (search.monitor === undefined) return { monitored, ladder };
  return monitorOnly(addToMonitorMap(monitored, search.monitor), mergeKnownVersions(ladder, search.ladder));
}

/** Keeps of a ladder what the monitoring of these versions needs (KT §8.1). */
export function monitorOnly(monitored: readonly MonitoredVersion[], ladder: readonly KnownVersion[]): Monitoring {
  const needed = new Set(monitored.flatMap(({ version }) => monitoringBinaryLadder(version)));
  return { monitored, ladder: ladder.filter(({ version }) => needed.has(version)) };
}
