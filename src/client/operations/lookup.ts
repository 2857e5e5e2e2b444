import { ensure } from '../../core/errors.ts';
import { lookupRequestCodec, type LookupResponse, lookupResponseCodec } from '../../core/keytrans/messages.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import { verifyLookup } from '../../core/keytrans/verify-lookup.ts';
import { PATHS } from '../../contract/paths.ts';
import type { Identity } from '../../identity/identity.ts';
import { alertsAbout, mergeAlerts } from '../binding/alerts.ts';
import type { VerifiedBinding } from '../binding/binding.ts';
import type { ClientState, OwnedVersion, StateChange } from '../state/client-state.ts';
import { type BindingInput, type CheckedBinding, type FoundVersion, verifyBinding } from '../binding/verify-binding.ts';
import { headTime, type Operation } from './operation.ts';
import type { IsMade } from './own-doing.ts';
import { noteChanges } from './owned-versions.ts';

/** The result of `KeyDirectory.lookup`. */
export type LookupResult =
  | { readonly found: true; readonly binding: VerifiedBinding }
  /** Proved by the log not to exist at this tree size. */
  | { readonly found: false; readonly identity: string; readonly treeSize: number };

/** A verified lookup, and the state that follows from it. */
export interface Found {
  readonly next: ClientState;
  /** Undefined if the log proves that the identity does not exist. */
  readonly found: CheckedBinding | undefined;
  /**
   * Versions of an own identity that its owner did not know. They are in the state, with alerts for unexpected ones.
   */
  readonly added: readonly OwnedVersion[];
  /** The rightmost distinguished log entry, if the identity exists and the log has one. */
  readonly rightmostDistinguished: number | undefined;
}

/** A verified answer about an identity that exists, and the state that follows from it. */
export interface Checked {
  readonly next: ClientState;
  readonly checked: CheckedBinding;
}

/** Looks up an identity. Throws what {@link findIdentity} throws. */
export async function lookUpIdentity(
  operation: Operation,
  state: ClientState,
  identity: Identity,
): Promise<Required<StateChange<LookupResult>>> {
  return resultOf(identity, await findIdentity(operation, state, identity));
}

/** Returns the caller's result of a verified lookup. */
export function resultOf(
  identity: Identity,
  { next, found }: Pick<Found, 'next' | 'found'>,
): Required<StateChange<LookupResult>> {
  if (found !== undefined) return { next, result: { found: true, binding: found.binding } };
  return { next, result: { found: false, identity: identity.text, treeSize: next.view?.size ?? 0 } };
}

/**
 * Requests the greatest version of an identity and verifies the answer in full. Throws `network-failed`, the server's
 * refusal, or a verification error; `bad-chain` if an identity that this client has seen is shown as absent.
 */
export async function findIdentity(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  isMade?: IsMade,
): Promise<Found> {
  const { view } = state;
  const request = { last: view?.size, label: identity.label };
  const codec = lookupResponseCodec(operation.trust.config);
  const answer = await operation.transport.postKeytrans(PATHS.lookup, [lookupRequestCodec, request], codec);
  return acceptLookup(operation, state, identity, { answer, view }, isMade);
}

/** An untrusted answer to a lookup, and the view whose size the request advertised. */
export interface ShownLookup {
  readonly answer: LookupResponse;
  readonly view: TreeView | undefined;
}

/** Verifies the answer to a lookup in full and takes it into the state. Throws as {@link findIdentity} does. */
export async function acceptLookup(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  { answer, view }: ShownLookup,
  isMade?: IsMade,
): Promise<Found> {
  const { config } = operation.trust;
  const request = { last: view?.size, label: identity.label };
  const verified = verifyLookup({ config, view, nowMs: headTime(operation) }, request, answer);
  const known = state.contacts.get(identity.text);
  if (verified.type === 'absent') {
    const wasThere = known !== undefined || state.owners.has(identity.text);
    ensure(!wasThere, 'bad-chain', `${identity.text} is shown as absent, but was seen before`);
    const next = { ...state, view: verified.view };
    return { next, found: undefined, added: [], rightmostDistinguished: undefined };
  }
  const { rightmostDistinguished } = verified;
  const { checked, next } = await acceptSearch(operation, state, identity, verified);
  if (!state.owners.has(identity.text)) return { next, found: checked, added: [], rightmostDistinguished };
  // The chain is judged only once, now: a finding about an own identity must not wait for the next monitoring.
  const noted = await noteChanges(operation, next, identity, checked, { isMade });
  return { ...noted, found: withAlerts(checked, noted.next, identity), rightmostDistinguished };
}

/** Returns a binding with every unacknowledged alert about the identity. */
export function withAlerts(checked: CheckedBinding, state: ClientState, { text }: Identity): CheckedBinding {
  return { ...checked, binding: { ...checked.binding, alerts: alertsAbout(state, text) } };
}

/**
 * Checks the record that a verified search for the greatest version, or an owner's update, found, and takes it into the
 * state.
 */
export async function acceptSearch(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  search: FoundVersion,
  between?: BindingInput['between'],
): Promise<Checked> {
  const checked = await verifyBinding({
    transport: operation.transport,
    trust: operation.trust,
    identity,
    search,
    between,
    known: state.contacts.get(identity.text),
    alerts: alertsAbout(state, identity.text),
    isOwn: state.owners.has(identity.text),
    now: operation.now,
    headTimeMs: headTime(operation),
  });
  const contacts = new Map(state.contacts).set(identity.text, checked.contact);
  const alerts = mergeAlerts(state.alerts, checked.binding.alerts);
  return { checked, next: { ...state, view: search.view, contacts, alerts } };
}
