import { credentialUpdateCodec, credentialUpdateRequestCodec } from '../../core/keytrans/credential.ts';
import { credentialLifetimeMs } from '../../core/keytrans/verify-credential.ts';
import { settleCredential, verifyCredentialUpdate } from '../../core/keytrans/settle-credential.ts';
import { PATHS } from '../../contract/paths.ts';
import { mergeAlerts } from '../binding/alerts.ts';
import type { Alert, ClientState, PendingCredential, StateChange } from '../state/client-state.ts';
import { heldToWhatWasShown } from './held-to.ts';
import type { Operation } from './operation.ts';

/** The outcome for a provisional credential. */
export interface SettledCredential {
  readonly identity: string;
  readonly version: number;
  /** False while the log has no distinguished entry that could settle it. */
  readonly final: boolean;
  /** True if it has expired and was never verified finally. An alert reports that, and nothing waits any more. */
  readonly expired: boolean;
}

/** The outcome for all provisional credentials. */
export interface Settlement {
  readonly settled: readonly SettledCredential[];
  /** Why credentials could not be settled. Those that have not expired still wait. */
  readonly failures: readonly unknown[];
}

/**
 * Verifies provisional credentials finally, as far as the log has grown (KT §14.2). `state` must hold the newest
 * distinguished entries. With `isPatient`, it does not ask the log before each credential's own random time. One that
 * has expired becomes an alert. The failures are `log-forked`, `version-rolled-back` (also if the server denies what it
 * has shown), other verification errors, and `network-failed`.
 */
export async function settleCredentials(
  operation: Operation,
  state: ClientState,
  { isPatient }: { readonly isPatient: boolean },
): Promise<StateChange<Settlement>> {
  const nowMs = operation.now();
  const waiting: PendingCredential[] = [];
  const settled: SettledCredential[] = [];
  const failures: unknown[] = [];
  const alerts: Alert[] = [];
  for (const pending of state.credentials) {
    let final = false;
    let failure: unknown;
    try {
      final = await settle(operation, state, pending, isPatient);
    } catch (error) {
      failure = error;
      failures.push(error);
    }
    const expired = !final && nowMs - pending.receivedAtMs > credentialLifetimeMs(operation.trust.config);
    if (expired) alerts.push(expiryAlert(pending, failure, nowMs));
    else if (!final) waiting.push(pending);
    settled.push({ identity: pending.identity, version: pending.unsettled.version, final, expired });
  }
  const next = { ...state, credentials: waiting, alerts: mergeAlerts(state.alerts, alerts) };
  return { next, result: { settled, failures } };
}

/** Returns true once a credential is verified finally. Throws the reason if it cannot be. */
async function settle(
  operation: Operation,
  { distinguished: heads, view }: ClientState,
  { unsettled, askAtMs, receivedAtMs }: PendingCredential,
  isPatient: boolean,
): Promise<boolean> {
  const step = settleCredential(unsettled, heads, view?.frontier);
  if (typeof step === 'string') return step === 'final';
  const nowMs = operation.now();
  // A clock that was set back must not make a credential wait.
  const isEarly = nowMs >= receivedAtMs && nowMs < (askAtMs ?? receivedAtMs);
  if (isPatient && isEarly) return false;
  const request: [typeof credentialUpdateRequestCodec, typeof step] = [credentialUpdateRequestCodec, step];
  const update = await heldToWhatWasShown(
    operation,
    operation.transport.postKeytrans(PATHS.credentialUpdate, request, credentialUpdateCodec),
  );
  verifyCredentialUpdate(operation.trust.config, unsettled, heads, update);
  return true;
}

/** Reports a credential that the log did not settle in time: a lying log could keep it from ever being settled. */
function expiryAlert(
  { identity, unsettled: { version } }: PendingCredential,
  failure: unknown,
  seenAtMs: number,
): Alert {
  const why = failure instanceof Error ? failure.message : 'the log has shown no distinguished entry that settles it';
  const reason = `a provisional credential of version ${version} expired before it could be verified finally: ${why}`;
  return { identity, type: 'unexplained', version, reason, value: undefined, seenAtMs };
}
