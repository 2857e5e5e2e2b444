import type { ClientState } from '../client-state.ts';

/**
 * The identities that have to be monitored, canonical: the user's own, and contacts whose lookups left something to be
 * monitored. With `since` (ms), only those that were not monitored since: KEYTRANS asks for a round about once in every
 * Reasonable Monitoring Window (KT §8), so that `now - reasonableMonitoringWindowMs` tells what is due.
 */
export function monitoringDue(state: ClientState, since: number = Number.POSITIVE_INFINITY): readonly string[] {
  const owners = [...state.owners].map(([identity, { monitoredAtMs }]) => ({ identity, monitoredAtMs }));
  const contacts = [...state.contacts]
    .filter(([identity, { monitored }]) => monitored.length > 0 && !state.owners.has(identity))
    .map(([identity, { monitoredAtMs }]) => ({ identity, monitoredAtMs }));
  return [...owners, ...contacts]
    .filter(({ monitoredAtMs }) => monitoredAtMs === undefined || monitoredAtMs <= since)
    .map(({ identity }) => identity);
}

/** What a round of monitoring looks at: all of {@link monitoringDue}, and whatever there are alerts about. */
export function identitiesToMonitor(state: ClientState): readonly string[] {
  return [...new Set([...monitoringDue(state), ...state.alerts.map(({ identity }) => identity)])];
}
