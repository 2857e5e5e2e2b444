import { decode } from '../../core/encoding/codec.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { greatestKnown, ownerStateCodec } from '../../core/keytrans/owner-state.ts';
import { viewRoot } from '../../core/keytrans/tree-view.ts';
import { updateResponsesCodec } from '../../core/keytrans/update-messages.ts';
import type { CreatedVersion } from '../../core/keytrans/verify-owner-update.ts';
import type { OwnerKnowledge } from '../../contract/bodies.ts';
import type { Identity } from '../../identity/identity.ts';
import { joinChanges } from '../binding/binding.ts';
import type { ClientState } from '../state/client-state.ts';
import type { CheckedBinding, FoundVersion } from '../binding/verify-binding.ts';
import { updateHeads } from './heads.ts';
import { acceptSearch, type Checked, findIdentity, withAlerts } from './lookup.ts';
import type { Operation } from './operation.ts';
import type { IsMade } from './own-doing.ts';
import { verifyAnswer } from './own-record.ts';
import { noteChanges, noteMade } from './owned-versions.ts';
import { beginCourse, type Course, takeUpdates, type UpdatedCourse, withOwnerState } from './owner-course.ts';
import { assertShownToContacts } from './unexpected-version.ts';

/** The owner's knowledge before it requests a change of its label: the answer must continue from there. */
export interface Prepared {
  readonly next: ClientState;
  /**
   * Undefined if the log has no distinguished entry yet, or the label is not the client's own: then a search proves the
   * answer.
   */
  readonly course: Course | undefined;
}

/**
 * Returns what the owner of an identity retains, or begins its ownership at the rightmost distinguished log entry (KT
 * §13.3), possibly before the label exists. Throws verification errors, and `network-failed`.
 */
export async function prepareOwner(operation: Operation, state: ClientState, identity: Identity): Promise<Prepared> {
  const retained = state.owners.get(identity.text)?.state;
  if (retained !== undefined) {
    return { next: state, course: { view: state.view, owner: decode(ownerStateCodec, retained) } };
  }
  const next = await updateHeads(operation, state);
  const start = next.distinguished.at(-1)?.position;
  if (start === undefined) return { next, course: undefined };
  const course = await beginCourse(operation, next.view, identity, start);
  return { next: { ...next, view: course.view }, course };
}

/** Returns the owner's knowledge for the request: the answer begins with it. */
export function ownerKnowledge({ course }: Prepared): OwnerKnowledge | undefined {
  return course && { greatestVersion: greatestKnown(course.owner) };
}

/** An untrusted answer to a request that changed a record. */
export interface ChangeAnswer {
  readonly version: number;
  readonly proof: Uint8Array;
}

/** The owner's knowledge of a record that it asked to change. */
export interface ChangedRecord {
  /** The record before; undefined unless the change was signed for it. */
  readonly before: CheckedBinding | undefined;
  readonly isMade: IsMade;
  /** True if the key is this client's, so that it owns the identity. */
  readonly owns: boolean;
}

/**
 * Verifies the answer to a request that changed a record and takes it into the state. What the request made is noted as
 * the owner's doing; every other version of an own label gets its own origin, with an alert if it is unexpected. Throws
 * verification errors, and what a lookup throws if the answer alone does not prove everything.
 */
export async function acceptChange(
  operation: Operation,
  { next: state, course }: Prepared,
  identity: Identity,
  answer: ChangeAnswer,
  { before, isMade, owns }: ChangedRecord,
): Promise<Checked> {
  const isNew = course !== undefined && greatestKnown(course.owner) === undefined;
  const taken = course && takeAnswer(operation, course, answer.proof);
  const shown =
    taken === undefined
      ? await verifyAnswer(operation, state, identity, answer.proof)
      : await acceptUpdates(operation, state, identity, { taken, answer, isMade });
  const checked = before === undefined ? shown.checked : joinBefore(before, shown.checked);
  if (!owns && !state.owners.has(identity.text)) return { checked, next: shown.next };
  const { next: noted } = await noteChanges(operation, shown.next, identity, checked, { isMade, isNew });
  assertShownToContacts(noted.owners.get(identity.text)?.versions ?? [], taken?.created ?? []);
  const made = await noteMade(noted, identity, checked, isMade);
  const next = taken === undefined ? made : withOwnerState(made, identity, taken.owner);
  return { checked: withAlerts(checked, next, identity), next };
}

/** An answer, and the new versions that it proves. */
interface TakenAnswer {
  readonly taken: UpdatedCourse;
  readonly answer: ChangeAnswer;
  readonly isMade: IsMade;
}

function takeAnswer(operation: Operation, course: Course, proof: Uint8Array): UpdatedCourse {
  const responses = proof.length === 0 ? [] : decode(updateResponsesCodec(operation.trust.config), proof);
  return takeUpdates(operation, course, responses);
}

/**
 * Checks the newest version that the responses prove (docs/spec.md#identity-record). If they do not prove it (nothing
 * new, more than fits in one answer, or a log entry that is left to monitoring, KT §9.1 step 3), makes a lookup.
 */
async function acceptUpdates(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  { taken: { view, created, proved, owner }, answer, isMade }: TakenAnswer,
): Promise<Checked> {
  const newest = created.at(-1);
  if (view === undefined || newest === undefined || !proved || newest.version < answer.version) {
    const { found, next } = await findIdentity(operation, { ...state, view }, identity, isMade);
    if (found === undefined) throw new GlasskeyError('identity-not-found', `${identity.text} is not registered`);
    return { checked: found, next };
  }
  const logRoot = viewRoot(view);
  const search: FoundVersion = { ...newest, view, logRoot, monitor: undefined, ladder: [] };
  const between = betweenOf(state.contacts.get(identity.text)?.version, created, newest);
  const { checked, next } = await acceptSearch(operation, state, identity, search, between);
  return { checked: { ...checked, binding: { ...checked.binding, monitored: owner.entries } }, next };
}

/** Returns the versions after the known one; undefined if the responses do not show them all. */
function betweenOf(known: number | undefined, created: readonly CreatedVersion[], { version: newest }: CreatedVersion) {
  if (known === undefined) return [];
  const between = created.filter(({ version }) => version > known && version < newest);
  return between.length === Math.max(newest - known - 1, 0) ? between : undefined;
}

/** Keeps the changes that were found before the change was signed. */
function joinBefore(before: CheckedBinding, checked: CheckedBinding): CheckedBinding {
  const change = joinChanges(before.binding.change, checked.binding.change);
  return { ...checked, binding: { ...checked.binding, change } };
}
