import { credentialUpdateCodec, credentialUpdateRequestCodec } from '../../core/keytrans/credential.ts';
import { settleCredential, verifyCredentialUpdate } from '../../core/keytrans/settle-credential.ts';
import { PATHS } from '../../contract/paths.ts';
import type { ClientState, PendingCredential, StateChange } from '../state/client-state.ts';
import { heldToWhatWasShown } from './held-to.ts';
import type { Operation } from './operation.ts';

/** The outcome for a provisional credential. */
export interface SettledCredential {
  readonly identity: string;
  readonly version: number;
  /** False while the log has no distinguished entry that could settle it. */
  readonly final: boolean;
}

/**
 * Verifies provisional credentials finally, as far as the log has grown (KT §14.2). `state` must hold the newest
 * distinguished entries. Throws `log-forked`, `version-rolled-back` (also if the server denies what it has shown),
 * other verification errors, and `network-failed`.
 */
export async function settleCredentials(
  operation: Operation,
  state: ClientState,
): Promise<StateChange<readonly SettledCredential[]>> {
  const { config } = operation.trust;
  const { distinguished: heads } = state;
  const waiting: PendingCredential[] = [];
  const settled: SettledCredential[] = [];
  for (const pending of state.credentials) {
    const { identity, unsettled } = pending;
    const step = settleCredential(unsettled, heads);
    if (typeof step === 'object') {
      const request: [typeof credentialUpdateRequestCodec, typeof step] = [credentialUpdateRequestCodec, step];
      const update = await heldToWhatWasShown(
        operation,
        operation.transport.postKeytrans(PATHS.credentialUpdate, request, credentialUpdateCodec),
      );
      verifyCredentialUpdate(config, unsettled, heads, update);
    }
    if (step === 'waiting') waiting.push(pending);
    settled.push({ identity, version: unsettled.version, final: step !== 'waiting' });
  }
  return { next: { ...state, credentials: waiting }, result: settled };
}
