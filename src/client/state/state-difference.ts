import { ensure } from '../../core/errors.ts';
import type { ClientState, KnownContact, OwnedLabel, VerifiedMark } from './client-state.ts';
import { ifPresent, readArray, readFields, readNumber, readObject, readText } from './json-values.ts';
import {
  assertHeadsInOrder,
  readAlert,
  readContact,
  readPendingCredential,
  readHead,
  readMark,
  readOwner,
  readPinned,
  readView,
  STATE_FIELDS,
  writeContact,
  writeCredential,
  writeHead,
  writeMark,
  writeOwner,
  writeView,
} from './state-members.ts';

/** A state that differences are being applied to: its maps are its own. */
export interface StateDraft extends ClientState {
  readonly contacts: Map<string, KnownContact>;
  readonly owners: Map<string, OwnedLabel>;
  readonly verified: Map<string, VerifiedMark>;
}

/** Copies a state for {@link applyDifference}. */
export function draftOf(state: ClientState): StateDraft {
  const { contacts, owners, verified } = state;
  return { ...state, contacts: new Map(contacts), owners: new Map(owners), verified: new Map(verified) };
}

/**
 * Returns the change from one state to the next as a value for `JSON.stringify` with `writeValue`
 * (docs/client-state.md#journal). Compares members, entries and elements by reference: operations keep what they do
 * not change. Throws `state-corrupt` for a change that could not be read back.
 */
export function stateDifference(from: ClientState, to: ClientState): Record<string, unknown> {
  assertHeadsInOrder(to.distinguished);
  return {
    bundle: ofMember(from.bundle, to.bundle),
    pinned: ofMember(from.pinned, to.pinned),
    view: ofMember(from.view, to.view, writeView),
    contacts: ofMap(from.contacts, to.contacts, writeContact),
    owners: ofMap(from.owners, to.owners, writeOwner),
    alerts: ofList(from.alerts, to.alerts, (alert) => alert),
    distinguished: ofList(from.distinguished, to.distinguished, writeHead),
    credentials: ofList(from.credentials, to.credentials, writeCredential),
    audit: ofMember(from.audit, to.audit),
    logServers: ofList(from.logServers, to.logServers, (server) => server),
    verified: ofMap(from.verified, to.verified, writeMark),
  } satisfies Record<keyof ClientState, unknown>;
}

/** Returns null for a member that is gone, and undefined, which JSON leaves out, for one that is as it was. */
function ofMember<T>(from: T | undefined, to: T | undefined, write: (value: T) => unknown = (value) => value): unknown {
  if (from === to) return undefined;
  return to === undefined ? null : write(to);
}

function ofMap<T>(
  from: ReadonlyMap<string, T>,
  to: ReadonlyMap<string, T>,
  write: (value: T) => unknown,
): Record<string, unknown> | undefined {
  if (from === to) return undefined;
  const changes: [string, unknown][] = [];
  for (const [key, value] of to) if (from.get(key) !== value) changes.push([key, write(value)]);
  for (const key of from.keys()) if (!to.has(key)) changes.push([key, null]);
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

/** Returns the elements between those that both lists begin with and those that both end with. */
function ofList<T>(from: readonly T[], to: readonly T[], write: (value: T) => unknown): object | undefined {
  const shorter = Math.min(from.length, to.length);
  let at = 0;
  while (at < shorter && from[at] === to[at]) at++;
  let kept = 0;
  while (kept < shorter - at && from.at(-1 - kept) === to.at(-1 - kept)) kept++;
  const drop = from.length - kept - at;
  const add = to.slice(at, to.length - kept);
  return drop === 0 && add.length === 0 ? undefined : { at, drop, add: add.map(write) };
}

/**
 * Applies the parsed value of {@link stateDifference} to a draft, and returns the draft that it becomes. Throws
 * `state-corrupt` or `state-too-new`; the draft is then of no use.
 */
export function applyDifference(draft: StateDraft, json: Record<string, unknown>): StateDraft {
  const change = readFields(json, STATE_FIELDS);
  applyMap(draft.contacts, change['contacts'], readContact);
  applyMap(draft.owners, change['owners'], readOwner);
  applyMap(draft.verified, change['verified'], readMark);
  const next: StateDraft = {
    ...draft,
    bundle: appliedMember(draft.bundle, change['bundle'], readText),
    pinned: appliedMember(draft.pinned, change['pinned'], readPinned),
    view: appliedMember(draft.view, change['view'], readView),
    alerts: appliedList(draft.alerts, change['alerts'], readAlert),
    distinguished: appliedList(draft.distinguished, change['distinguished'], readHead),
    credentials: appliedList(draft.credentials, change['credentials'], readPendingCredential),
    audit: appliedMember(draft.audit, change['audit'], readText),
    logServers: appliedList(draft.logServers, change['logServers'], readText),
  };
  if (next.distinguished !== draft.distinguished) assertHeadsInOrder(next.distinguished);
  return next;
}

function appliedMember<T>(current: T | undefined, value: unknown, read: (value: unknown) => T): T | undefined {
  if (value === undefined) return current;
  return value === null ? undefined : read(value);
}

function applyMap<T>(entries: Map<string, T>, value: unknown, read: (value: unknown) => T): void {
  for (const [key, entry] of Object.entries(ifPresent(readObject)(value) ?? {})) {
    if (entry === null) ensure(entries.delete(key), 'state-corrupt', 'a change removes what is not there');
    else entries.set(key, read(entry));
  }
}

function appliedList<T>(current: readonly T[], value: unknown, read: (value: unknown) => T): readonly T[] {
  if (value === undefined) return current;
  const json = readFields(readObject(value), ['at', 'drop', 'add']);
  const [at, drop] = [readNumber(json['at']), readNumber(json['drop'])];
  ensure(at + drop <= current.length, 'state-corrupt', 'a change removes what is not there');
  return [...current.slice(0, at), ...readArray(json['add'], read), ...current.slice(at + drop)];
}
