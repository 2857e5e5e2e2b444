import type { Identity } from '../../identity/identity.ts';
import { mergeAlerts } from '../binding/alerts.ts';
import type { Alert, ClientState } from '../state/client-state.ts';
import type { Operation } from './operation.ts';

/**
 * Returns a state in which the monitoring of an identity begins anew, with an alert for the user. The server says that
 * what it would have to show is past the maximum lifetime of the log. That may be true after a long absence. But what
 * was shown and taken back meanwhile goes unnoticed, and a lying server would escape monitoring.
 */
export function withInterruption(
  operation: Operation,
  state: ClientState,
  { text }: Identity,
  version: number,
): ClientState {
  const reason =
    `the monitoring of version ${version} was interrupted for longer than the log shows its past: ` +
    'what happened to it meanwhile can no longer be checked. This state was not used for that time, or is an old copy';
  const alert: Alert = {
    identity: text,
    type: 'unexplained',
    version,
    reason,
    value: undefined,
    seenAtMs: operation.now(),
    afterAbsence: true,
  };
  return { ...state, alerts: mergeAlerts(state.alerts, [alert]) };
}
