import { ensure } from '../../core/errors.ts';
import { parsePlacedAnswer } from '../../contract/parse-answers.ts';
import { formatVetoRequest } from '../../contract/parse-requests.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import type { ClientKey } from '../client-key.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { findIdentity } from './lookup.ts';
import type { Operation } from './operation.ts';
import { acceptChange, ownerKnowledge, prepareOwner } from './own-answer.ts';
import { changeSignedBy } from './own-doing.ts';
import { assertOwnRecord, recordKeys, signKeys } from './own-record.ts';

/**
 * Vetoes the pending recovery of an identity, signed by one of its keys. Every key stays. Throws `change-rejected` if
 * no recovery is pending, what a lookup throws, and `bad-response` if the log still shows the recovery.
 */
export async function vetoRecovery(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  credentials: ClientKey,
): Promise<StateChange<VerifiedBinding>> {
  const isMade = changeSignedBy(operation, identity, credentials.spki);
  const { next: before, found } = await findIdentity(operation, state, identity, isMade);
  const current = assertOwnRecord(found, identity, credentials);
  ensure(current.binding.pending !== undefined, 'change-rejected', 'no recovery of the identity is pending');
  const keys = recordKeys(current).map(({ keysSha256 }) => keysSha256);
  const change = await signKeys(operation, identity, current, keys, credentials);
  const prepared = await prepareOwner(operation, before, identity);
  const last = prepared.next.view?.size;
  const owner = ownerKnowledge(prepared);
  const body = formatVetoRequest({ identity: identity.text, change, last, owner });
  const answer = parsePlacedAnswer(await operation.transport.postJson(PATHS.vetoes, body));
  const changed = { before: current, isMade, owns: true };
  const { checked, next } = await acceptChange(operation, prepared, identity, answer, changed);
  ensure(checked.binding.pending === undefined, 'bad-response', 'the recovery is still pending');
  return { next, result: checked.binding };
}
