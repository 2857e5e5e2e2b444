import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type ClientState, EMPTY_STATE } from './client-state.ts';
import {
  assertNotNewer,
  ifPresent,
  readArray,
  readFields,
  readMap,
  readObject,
  readText,
  writeValue,
} from './json-values.ts';
import {
  assertHeadsInOrder,
  readAlert,
  readContact,
  readContactOfFormat1,
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

/** The format of a state as one JSON text. */
const TEXT_FORMAT = 2;
/** The format of a state as a journal (`StateJournal`). */
export const JOURNAL_FORMAT = 3;

/**
 * Returns the JSON text of a state, format 2 (docs/client-state.md): an object with the fields of {@link ClientState},
 * byte strings in base64, undefined fields left out. Throws `state-corrupt` for a state that could not be read back.
 */
export function formatClientState(state: ClientState): string {
  return `${JSON.stringify({ format: TEXT_FORMAT, ...stateValue(state) }, writeValue, 1)}\n`;
}

/**
 * Reads the text of {@link formatClientState}, or of the earlier format 1, whose contacts lack the data that verifies
 * their monitoring. Throws `state-too-new` for a later format, and for a member that this version would lose when it
 * writes the state; and `state-corrupt`, also for a journal.
 */
export function parseClientState(text: string): ClientState {
  return readingState(() => {
    const { format, ...members } = readObject(JSON.parse(text));
    assertNotNewer(typeof format !== 'number' || format <= JOURNAL_FORMAT);
    if (format === 1) return readStateOfFormat1(members);
    ensure(format === TEXT_FORMAT, 'state-corrupt', 'the state has no format that one text can have');
    return readState(members);
  });
}

/** Runs a reader of stored text. Throws `state-too-new` as it does, and `state-corrupt` for any other failure. */
export function readingState<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isGlasskeyError(error, 'state-too-new')) throw error;
    throw new GlasskeyError('state-corrupt', 'the stored state cannot be read', { cause: error });
  }
}

/**
 * Returns the members of a state as a value for `JSON.stringify` with {@link writeValue}. Throws `state-corrupt` for a
 * state that could not be read back.
 */
export function stateValue(state: ClientState): Record<string, unknown> {
  assertHeadsInOrder(state.distinguished);
  return {
    bundle: state.bundle,
    pinned: state.pinned,
    view: state.view && writeView(state.view),
    contacts: writeMap(state.contacts, writeContact),
    owners: writeMap(state.owners, writeOwner),
    alerts: state.alerts,
    distinguished: state.distinguished.map(writeHead),
    credentials: state.credentials.map(writeCredential),
    audit: state.audit,
    logServers: state.logServers.length === 0 ? undefined : state.logServers,
    verified: state.verified.size === 0 ? undefined : writeMap(state.verified, writeMark),
  } satisfies Record<keyof ClientState, unknown>;
}

function writeMap<T>(entries: ReadonlyMap<string, T>, write: (value: T) => T): Record<string, T> {
  return Object.fromEntries([...entries].map(([key, value]) => [key, write(value)]));
}

/** Reads the parsed members of {@link stateValue}. Throws `state-too-new` for a member that this version would lose. */
export function readState(members: Record<string, unknown>): ClientState {
  const json = readFields(members, STATE_FIELDS);
  const state: ClientState = {
    ...readKept(json),
    contacts: readMap(json['contacts'], readContact),
    owners: readMap(json['owners'], readOwner),
    alerts: readArray(json['alerts'], readAlert),
    distinguished: readArray(json['distinguished'], readHead),
    credentials: readArray(json['credentials'], readPendingCredential),
    verified: readMap(json['verified'] ?? {}, readMark),
  };
  assertHeadsInOrder(state.distinguished);
  return state;
}

function readStateOfFormat1(json: Record<string, unknown>): ClientState {
  const contacts = readMap(json['contacts'], readContactOfFormat1);
  return { ...EMPTY_STATE, ...readKept(json), contacts };
}

/** Reads the members that have not changed since format 1. */
function readKept(
  json: Record<string, unknown>,
): Pick<ClientState, 'bundle' | 'pinned' | 'view' | 'audit' | 'logServers'> {
  return {
    bundle: ifPresent(readText)(json['bundle']),
    pinned: ifPresent(readPinned)(json['pinned']),
    view: ifPresent(readView)(json['view']),
    audit: ifPresent(readText)(json['audit']),
    logServers: readArray(json['logServers'] ?? [], readText),
  };
}
