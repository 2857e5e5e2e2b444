import { encode } from '../../core/encoding/codec.ts';
import { ownerInitRequestCodec, ownerInitResponseCodec } from '../../core/keytrans/owner-init-messages.ts';
import { greatestKnown, type OwnerState, ownerStateCodec } from '../../core/keytrans/owner-state.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import type { UpdateResponse } from '../../core/keytrans/update-messages.ts';
import { verifyOwnerInit } from '../../core/keytrans/verify-owner-init.ts';
import { type CreatedVersion, verifyOwnerUpdate } from '../../core/keytrans/verify-owner-update.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ClientState } from '../state/client-state.ts';
import { heldToWhatWasShown } from './held-to.ts';
import { headTime, type Operation } from './operation.ts';
import { NEW_OWNED } from './owned-versions.ts';

/** An owner's view and state while an operation runs. */
export interface Course {
  readonly view: TreeView | undefined;
  readonly owner: OwnerState;
}

/** The owner's course after new versions. */
export interface UpdatedCourse extends Course {
  /** Ascending. */
  readonly created: readonly CreatedVersion[];
  /** True if every log entry was shown to hold them (see `VerifiedUpdate`). */
  readonly proved: boolean;
}

/**
 * Begins the ownership of a label at the distinguished log entry `start` (KT §13.3), even if the label does not exist
 * there. Throws verification errors, and `network-failed`.
 */
export async function beginCourse(
  operation: Operation,
  view: TreeView | undefined,
  { label }: Identity,
  start: number,
): Promise<Course> {
  const { config } = operation.trust;
  const request = { last: view?.size, label, start };
  const codec = ownerInitResponseCodec(config);
  const answer = await heldToWhatWasShown(
    operation,
    operation.transport.postKeytrans(PATHS.ownerInit, [ownerInitRequestCodec, request], codec),
  );
  return verifyOwnerInit({ config, view, nowMs: headTime(operation) }, request, answer);
}

/**
 * Verifies untrusted responses (KT §13.5), each as if it were requested after the one before. Throws verification
 * errors.
 */
export function takeUpdates(operation: Operation, course: Course, responses: readonly UpdateResponse[]): UpdatedCourse {
  const { config } = operation.trust;
  let { view, owner } = course;
  let proved = true;
  const created: CreatedVersion[] = [];
  for (const response of responses) {
    const { label } = owner;
    const request = { last: view?.size, label, greatestVersion: greatestKnown(owner), values: [] };
    const verified = verifyOwnerUpdate({ config, view, nowMs: headTime(operation) }, request, response, owner);
    ({ view, owner } = verified);
    created.push(...verified.created);
    proved &&= verified.proved;
  }
  return { view, owner, created, proved };
}

/** Returns a state that retains what the owner of a label has verified. */
export function withOwnerState(state: ClientState, { text }: Identity, owner: OwnerState): ClientState {
  const owned = state.owners.get(text) ?? NEW_OWNED;
  const encoded = encode(ownerStateCodec, owner);
  return { ...state, owners: new Map(state.owners).set(text, { ...owned, state: encoded }) };
}
