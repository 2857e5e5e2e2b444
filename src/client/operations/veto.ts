import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { parsePlacedAnswer } from '../../contract/parse-answers.ts';
import { formatVetoRequest } from '../../contract/parse-requests.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import { findOwnersRecord } from '../../identity/owners-record.ts';
import { certifiedKeys } from '../../identity/spki-set.ts';
import { earlierVersions } from '../binding/fetch-chain.ts';
import { recoveryWaitedIn } from '../binding/recovery-waited.ts';
import { type CheckedBinding, CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import type { ClientKey } from '../client-key.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { findIdentity } from './lookup.ts';
import { type AskedChange, madeBefore } from './made-before.ts';
import { headTime, type Operation } from './operation.ts';
import { acceptChange, ownerKnowledge, prepareOwner } from './own-answer.ts';
import { changeSignedBy } from './own-doing.ts';
import { recordCertificates, signKeys } from './own-record.ts';

/**
 * Vetoes the pending recovery of an identity, signed by one of its keys, or by one that others removed. Every key
 * stays. The same call again, such as after a lost answer, finds what was done. Throws `change-rejected` if no recovery
 * is pending, what a lookup throws, and `bad-response` if the log still shows the recovery.
 */
export async function vetoRecovery(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  credentials: ClientKey,
): Promise<StateChange<VerifiedBinding>> {
  const isMade = changeSignedBy(operation, identity, credentials.spki);
  const { next: before, found } = await findIdentity(operation, state, identity, isMade);
  if (found === undefined) throw new GlasskeyError('identity-not-found', `${identity.text} is not registered`);
  const asked: AskedChange = {
    isMade,
    isDone: ({ pending }) => pending === undefined,
    isPossible: ({ pending }) => pending !== undefined,
  };
  const made = await madeBefore(operation, before, identity, found, asked);
  if (made !== undefined) return made;
  const current = found;
  ensure(current.binding.pending !== undefined, 'change-rejected', 'no recovery of the identity is pending');
  await assertMayVeto(operation, before, identity, { current, credentials });
  const keys = recordCertificates(current).map(({ keysSha256 }) => keysSha256);
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

/** Throws `change-rejected` unless the key is one of the record, or of the owner's record before others removed it. */
async function assertMayVeto(
  operation: Operation,
  { view }: ClientState,
  identity: Identity,
  { current, credentials }: { readonly current: CheckedBinding; readonly credentials: ClientKey },
): Promise<void> {
  const { transport, trust } = operation;
  const { label } = identity;
  const find = findOwnersRecord({
    origin: trust.bundle.origin,
    label,
    ports: CONTINUITY_PORTS,
    recoveryWaited: view && recoveryWaitedIn({ transport, trust, identity, view, nowMs: headTime(operation) }),
    read: earlierVersions(transport, trust.config, label),
  });
  const holds = async (record: IdentityRecord | undefined): Promise<boolean> => {
    const keys = record === undefined ? [] : await certifiedKeys(record, CONTINUITY_PORTS);
    return keys.some(({ spki }) => equalBytes(spki, credentials.spki));
  };
  const mayVeto = (await holds(current.latest.record)) || (await holds(await find(current.latest)));
  ensure(mayVeto, 'change-rejected', 'neither the record nor the last one by its owner certifies the key that signs');
}
