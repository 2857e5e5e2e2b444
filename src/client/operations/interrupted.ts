import type { Identity } from '../../identity/identity.ts';
import { mergeAlerts } from '../binding/alerts.ts';
import type { Alert, ClientState } from '../state/client-state.ts';
import type { Operation } from './operation.ts';

/**
 * A state whose monitoring of an identity begins anew, since what it would have to be shown is past the log's maximum lifetime,
 * as the server says. It may be so, where the client was away for long; but whatever was shown meanwhile and taken back can no
 * longer be noticed, and a server that says so falsely would get rid of being watched. So the user is told.
 */
export function withInterruption(
  operation: Operation,
  state: ClientState,
  { text }: Identity,
  version: number,
): ClientState {
  const reason =
    `the monitoring of version ${version} was interrupted for longer than the log shows its past: what happened to it ` +
    'meanwhile can no longer be checked';
  const alert: Alert = {
    identity: text,
    type: 'unexplained',
    version,
    reason,
    value: undefined,
    seenAtMs: operation.now(),
  };
  return { ...state, alerts: mergeAlerts(state.alerts, [alert]) };
}
