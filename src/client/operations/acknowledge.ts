import { withLostMarks } from './verified-mark.ts';
import type { Alert, ClientState, OwnedLabel, StateChange } from '../state/client-state.ts';

/**
 * Removes the alerts about some identities, or all, after their user has seen them, and accepts the versions. A mark
 * that an alert took away stays lost.
 */
export function acknowledge(state: ClientState, identities: readonly string[]): StateChange<readonly Alert[]> {
  const isMeant = (identity: string): boolean => identities.length === 0 || identities.includes(identity);
  const result = state.alerts.filter(({ identity }) => isMeant(identity));
  const alerts = state.alerts.filter(({ identity }) => !isMeant(identity));
  const owners = new Map(
    [...state.owners].map(([identity, owned]) => [identity, isMeant(identity) ? withoutUnexpected(owned) : owned]),
  );
  return { next: { ...withLostMarks(state, result), alerts, owners }, result };
}

function withoutUnexpected({ state, versions, monitoredAtMs }: OwnedLabel): OwnedLabel {
  return {
    state,
    monitoredAtMs,
    versions: versions.map(({ version, commitment, spkis, origin }) => {
      return { version, commitment, spkis, origin: origin === 'unexpected' ? 'acknowledged' : origin };
    }),
  };
}
