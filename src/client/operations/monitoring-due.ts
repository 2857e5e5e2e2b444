import type { ClientState } from '../state/client-state.ts';

/** An identity that has to be monitored. */
export interface MonitoringDue {
  /** Canonical. */
  readonly identity: string;
  /** `contact`: a lookup left something to be monitored. */
  readonly role: 'owner' | 'contact';
  /** When it was last monitored, by the client's clock, ms; undefined: not yet. */
  readonly monitoredAtMs: number | undefined;
}

/**
 * Returns the identities that have to be monitored: the user's own, and contacts whose lookups left something (KT §8).
 */
export function monitoringDue(state: ClientState): readonly MonitoringDue[] {
  const owners = [...state.owners].map(([identity, { monitoredAtMs }]): MonitoringDue => {
    return { identity, role: 'owner', monitoredAtMs };
  });
  const contacts = [...state.contacts]
    .filter(([identity, { monitored }]) => monitored.length > 0 && !state.owners.has(identity))
    .map(([identity, { monitoredAtMs }]): MonitoringDue => ({ identity, role: 'contact', monitoredAtMs }));
  return [...owners, ...contacts];
}

/** Returns the identities of a round: all of {@link monitoringDue}, and those with alerts. */
export function identitiesToMonitor(state: ClientState): readonly string[] {
  const due = monitoringDue(state).map(({ identity }) => identity);
  return [...new Set([...due, ...state.alerts.map(({ identity }) => identity)])];
}
