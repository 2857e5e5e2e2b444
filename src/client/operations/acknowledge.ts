import type { Identity } from '../../identity/identity.ts';
import type { Alert, ClientState, StateChange } from '../client-state.ts';
import { withVersions } from './owned-versions.ts';

/** Takes the alerts about an identity away: its user has seen them, and lets the versions pass. */
export function acknowledge(state: ClientState, identity: Identity): StateChange<readonly Alert[]> {
  const result = state.alerts.filter((alert) => alert.identity === identity.text);
  const alerts = state.alerts.filter((alert) => alert.identity !== identity.text);
  const owned = state.owners.get(identity.text);
  if (owned === undefined) return { next: { ...state, alerts }, result };
  const versions = owned.versions
    .filter(({ origin }) => origin === 'unexpected')
    .map(({ version, commitment, spkis }) => ({ version, commitment, spkis, origin: 'acknowledged' as const }));
  return { next: { ...withVersions(state, identity, versions), alerts }, result };
}
