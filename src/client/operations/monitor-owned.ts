import { decode, encode } from '../../core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { ownerMonitorRequestCodec, ownerMonitorResponseCodec } from '../../core/keytrans/owner-monitor-messages.ts';
import { greatestKnown, ownerStateCodec } from '../../core/keytrans/owner-state.ts';
import { updateRequestCodec, updateResponsesCodec } from '../../core/keytrans/update-messages.ts';
import { ownerMonitorRequest, verifyOwnerMonitor } from '../../core/keytrans/verify-owner-monitor.ts';
import type { CreatedVersion } from '../../core/keytrans/verify-owner-update.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import { alertsAbout } from '../binding/alerts.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import type { Alert, ClientState, OwnedVersion, StateChange } from '../state/client-state.ts';
import { findIdentity } from './lookup.ts';
import { heldToWhatWasShown } from './held-to.ts';
import { withInterruption } from './interrupted.ts';
import { headTime, type Operation } from './operation.ts';
import { NEW_OWNED, noteChanges, type OwnChanges } from './owned-versions.ts';
import { beginCourse, type Course, takeUpdates, type UpdatedCourse } from './owner-course.ts';
import { assertMayHaveExpired } from './refute-expiry.ts';
import { assertShownToContacts } from './unexpected-version.ts';

/** The outcome of monitoring an own label. */
export interface OwnerMonitored {
  readonly role: 'owner';
  /** Canonical. */
  readonly identity: string;
  readonly treeSize: number;
  /** The binding that contacts see now. */
  readonly binding: VerifiedBinding;
  /** Versions that the owner did not know before. */
  readonly added: readonly OwnedVersion[];
  /** Unacknowledged alerts, such as versions that the owner did not make. */
  readonly alerts: readonly Alert[];
  /**
   * The distinguished log entry up to which every version was checked. Undefined while the log has none: only the
   * present version was checked, and monitoring begins with the first one.
   */
  readonly verifiedTo: number | undefined;
}

/** The keys with which an identity is taken over. */
export interface Owning {
  /** `spkiSha256` of each valid key, such as another device of the user shows them. Default: whatever is there. */
  readonly expected?: readonly string[] | undefined;
}

/** Throws `unexpected-version` unless these are the valid keys of a binding. */
export function assertExpectedKeys({ identity, certificates }: VerifiedBinding, expected: readonly string[]): void {
  const [found, asked] = [new Set(certificates.map(({ spkiSha256 }) => spkiSha256)), new Set(expected)];
  const isSame = found.size === asked.size && [...asked].every((key) => found.has(key));
  const message = `${identity} has other keys than expected: somebody may have added one. It was not taken over`;
  ensure(isSame, 'unexpected-version', message);
}

/** Most rounds of requests in one monitoring. Each makes progress or is the last. */
const MAX_ROUNDS = 256;

/**
 * Monitors an own label (KT §8.3, §9): every distinguished log entry, every new version, and what a contact sees now.
 * Takes ownership first if that has not happened yet. Versions that the owner did not make (`decideOrigin`)
 * become alerts of the result and of the state. So does a new beginning, if what the owner knew is past the maximum
 * lifetime of the log. Throws `unexpected-version`, `version-rolled-back`, `identity-not-found`, other verification
 * errors, and `network-failed`.
 */
export async function monitorOwned(
  operation: Operation,
  state: ClientState,
  identity: Identity,
): Promise<StateChange<OwnerMonitored>> {
  const owned = state.owners.get(identity.text);
  try {
    return await monitor(operation, state, identity);
  } catch (error) {
    if (owned?.state === undefined || !isGlasskeyError(error, 'version-expired')) throw error;
    const { start, entries } = decode(ownerStateCodec, owned.state);
    const positions = [start, ...entries.map(({ position }) => position)];
    const record = { positions, monitoredAtMs: owned.monitoredAtMs };
    const next = await assertMayHaveExpired(operation, state, record, error);
    const owners = new Map(next.owners).set(identity.text, { ...owned, state: undefined });
    const version = owned.versions.at(-1)?.version ?? 0;
    return monitor(operation, withInterruption(operation, { ...next, owners }, identity, version), identity);
  }
}

async function monitor(
  operation: Operation,
  state: ClientState,
  identity: Identity,
): Promise<StateChange<OwnerMonitored>> {
  const { text } = identity;
  const first = await begin(operation, state, identity);
  const course = first.course && (await follow(operation, first.course));
  const followed: ClientState = { ...first.next, view: course?.view ?? first.next.view };
  const { next, found, added } = await findIdentity(operation, followed, identity);
  ensure(found !== undefined, 'identity-not-found', `${text} is not registered`);
  const owned = next.owners.get(text) ?? NEW_OWNED;
  assertShownToContacts(owned.versions, course?.created ?? []);
  const encoded = course && encode(ownerStateCodec, course.owner);
  const monitoredAtMs = course?.complete === false ? owned.monitoredAtMs : course && operation.now();
  const monitored = { ...owned, state: encoded, monitoredAtMs };
  return {
    next: { ...next, owners: new Map(next.owners).set(text, monitored) },
    result: {
      role: 'owner',
      identity: text,
      treeSize: next.view?.size ?? 0,
      binding: found.binding,
      added: [...first.added, ...added],
      alerts: alertsAbout(next, text),
      verifiedTo: course?.owner.start,
    },
  };
}

/** Returns the retained state, or begins the ownership at the rightmost distinguished log entry (KT §13.3). */
async function begin(
  operation: Operation,
  state: ClientState,
  identity: Identity,
): Promise<OwnChanges & { readonly course: Course | undefined }> {
  const retained = state.owners.get(identity.text)?.state;
  if (retained !== undefined) {
    return { next: state, added: [], course: { view: state.view, owner: decode(ownerStateCodec, retained) } };
  }
  const { next, found, added, rightmostDistinguished: start } = await findIdentity(operation, state, identity);
  ensure(found !== undefined, 'identity-not-found', `${identity.text} is not registered`);
  // The chain since the owner last looked must be judged before its end becomes the held version.
  const isOwned = state.owners.has(identity.text);
  const noted = isOwned ? { next, added } : await noteChanges(operation, next, identity, found);
  if (start === undefined) return { ...noted, course: undefined };
  return { ...noted, course: await beginCourse(operation, next.view, identity, start) };
}

/** Processes new versions and distinguished entries until none is left (KT §13.4, §13.5). */
async function follow(
  operation: Operation,
  from: Course,
): Promise<Course & { readonly created: readonly CreatedVersion[]; readonly complete: boolean }> {
  let course = from;
  const created: CreatedVersion[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const updated = await askUpdates(operation, course);
    created.push(...updated.created);
    const monitored = await askMonitoring(operation, updated);
    const moved = updated.created.length > 0 || monitored.owner.start > course.owner.start;
    course = monitored;
    if (monitored.complete) return { ...course, created, complete: true };
    const greatest = greatestKnown(course.owner) ?? 'none';
    ensure(moved, 'unexpected-version', `the log holds a version after ${greatest} and does not show it`);
  }
  return { ...course, created, complete: false };
}

async function askUpdates(operation: Operation, course: Course): Promise<UpdatedCourse> {
  const { view, owner } = course;
  const { label } = owner;
  const request = { last: view?.size, label, greatestVersion: greatestKnown(owner), values: [] };
  const codec = updateResponsesCodec(operation.trust.config);
  const asked = operation.transport
    .postKeytrans(PATHS.update, [updateRequestCodec, request], codec)
    .catch((error: unknown) => {
      // Only the server says so. If it holds a version back, the monitoring shows it.
      if (isGlasskeyError(error, 'search-not-found')) return [];
      throw error;
    });
  const answers = await heldToWhatWasShown(operation, asked);
  return takeUpdates(operation, course, answers);
}

async function askMonitoring(
  operation: Operation,
  { view, owner }: Course,
): Promise<Course & { readonly complete: boolean }> {
  const { config } = operation.trust;
  const request = ownerMonitorRequest(owner, view?.size);
  const codec = ownerMonitorResponseCodec(config);
  const answer = await heldToWhatWasShown(
    operation,
    operation.transport.postKeytrans(PATHS.ownerMonitor, [ownerMonitorRequestCodec, request], codec),
  );
  return verifyOwnerMonitor({ config, view, nowMs: headTime(operation) }, answer, owner);
}
