import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { decode, encode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type KnownHead, knownHeadCodec } from '../../core/keytrans/known-head.ts';
import { unsettledCredentialCodec } from '../../core/keytrans/settle-credential.ts';
import { treeViewCodec } from '../../core/keytrans/tree-view.ts';
import type { KnownVersion } from '../../core/keytrans/verify-search.ts';
import type {
  Alert,
  ClientState,
  KnownContact,
  MonitoredVersion,
  OwnedLabel,
  OwnedVersion,
  PendingCredential,
  PinnedAt,
  VerifiedMark,
} from './client-state.ts';

/**
 * Returns the JSON text of a state, format 2 (docs/client-state.md): an object with the fields of {@link ClientState},
 * byte strings in base64, undefined fields left out. Throws `state-corrupt` for a state that could not be read back.
 */
export function formatClientState(state: ClientState): string {
  assertState(state);
  const json = {
    format: 2,
    bundle: state.bundle,
    pinned: state.pinned,
    view: state.view && formatBase64(encode(treeViewCodec, state.view)),
    contacts: Object.fromEntries(state.contacts),
    owners: Object.fromEntries(state.owners),
    alerts: state.alerts,
    distinguished: state.distinguished.map((head) => encode(knownHeadCodec, head)),
    credentials: state.credentials.map((one) => ({
      ...one,
      unsettled: encode(unsettledCredentialCodec, one.unsettled),
    })),
    audit: state.audit,
    logServers: state.logServers.length === 0 ? undefined : state.logServers,
    verified: state.verified && Object.fromEntries(state.verified),
  };
  return `${JSON.stringify(json, writeValue, 1)}\n`;
}

function writeValue(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return formatBase64(value);
  return typeof value === 'number' ? readNumber(value) : value;
}

/** Throws `state-corrupt` unless every list is in order and every hash has its length. */
function assertState({ contacts, owners, distinguished, verified }: ClientState): void {
  assertAscending(distinguished.map(({ position }) => position));
  for (const { commitment, monitored, ladder } of contacts.values()) {
    assertAscending(monitored.map(({ position }) => position));
    assertAscending(ladder.map(({ version }) => version));
    assertHashes([commitment, ...ladder.flatMap((known) => [known.vrfOutput, known.commitment])]);
  }
  for (const { versions } of owners.values()) {
    assertAscending(versions.map(({ version }) => version));
    assertHashes(versions.map(({ commitment }) => commitment));
    assertHashes(versions.flatMap(({ spkis }) => spkis ?? []));
  }
  for (const { commitment, keys } of verified?.values() ?? []) assertHashes([commitment, ...keys]);
}

/**
 * Reads the text of {@link formatClientState}, or of the earlier format 1, whose contacts lack the data that verifies
 * their monitoring. Throws `state-too-new` for a later format, and for a member that this version would lose when it
 * writes the state; and `state-corrupt`.
 */
export function parseClientState(text: string): ClientState {
  try {
    const json = readObject(JSON.parse(text));
    const format = json['format'];
    assertNotNewer(typeof format !== 'number' || format <= 2);
    ensure(format === 1 || format === 2, 'state-corrupt', 'the state has no format that there is');
    if (format === 2) readFields(json, STATE_FIELDS);
    const view = optional(readText)(json['view']);
    const state: ClientState = {
      bundle: optional(readText)(json['bundle']),
      pinned: optional(readPinned)(json['pinned']),
      view: view === undefined ? undefined : decode(treeViewCodec, parseBase64(view)),
      contacts: readMap(json['contacts'], format === 1 ? readContactOfFormat1 : readContact),
      owners: readMap(format === 1 ? {} : json['owners'], readOwner),
      alerts: format === 1 ? [] : readArray(json['alerts'], readAlert),
      distinguished: format === 1 ? [] : readArray(json['distinguished'], readHead),
      credentials: format === 1 ? [] : readArray(json['credentials'], readCredential),
      audit: optional(readText)(json['audit']),
      logServers: readArray(json['logServers'] ?? [], readText),
      ...(json['verified'] === undefined ? {} : { verified: readMap(json['verified'], readMark) }),
    };
    assertState(state);
    return state;
  } catch (error) {
    if (isGlasskeyError(error, 'state-too-new')) throw error;
    throw new GlasskeyError('state-corrupt', 'the stored state cannot be read', { cause: error });
  }
}

/** Reads states and remembers the last one: a store usually holds what was written to it last. */
export class StateReader {
  #last: { readonly text: string; readonly state: ClientState } | undefined;

  /** As {@link parseClientState}. */
  parse(text: string): ClientState {
    if (this.#last?.text !== text) this.#last = { text, state: parseClientState(text) };
    return this.#last.state;
  }

  /** As {@link formatClientState}. */
  format(state: ClientState): string {
    const text = formatClientState(state);
    this.#last = { text, state };
    return text;
  }
}

const STATE_FIELDS = [
  'format',
  'bundle',
  'pinned',
  'view',
  'contacts',
  'owners',
  'alerts',
  'distinguished',
  'credentials',
  'audit',
  'logServers',
  'verified',
];
const CONTACT_FIELDS = ['version', 'commitment', 'value', 'monitored', 'ladder', 'monitoredAtMs'];

const OWNED_ORIGINS = ['made', 'adopted', 'maintenance', 'unexpected', 'acknowledged'] as const;
const ALERT_FIELDS = ['identity', 'type', 'version', 'reason', 'value', 'seenAtMs', 'afterAbsence'];
const ALERT_TYPES = ['operator', 'recovery', 'unexplained', 'unexpected-version'] as const;

function readPinned(value: unknown): PinnedAt {
  const json = readFields(readObject(value), ['server', 'fingerprint', 'previous', 'settled']);
  const [fingerprint, previous] = [json['fingerprint'], json['previous']].map(optional(readText));
  return {
    server: readText(json['server']),
    fingerprint,
    ...(previous === undefined ? {} : { previous }),
    ...(optional(readTrue)(json['settled']) === true ? { settled: true } : {}),
  };
}

function readContactOfFormat1(value: unknown): KnownContact {
  return readContact({ ...readObject(value), ladder: [] });
}

function readContact(value: unknown): KnownContact {
  const json = readFields(readObject(value), CONTACT_FIELDS);
  return {
    version: readNumber(json['version']),
    commitment: readBytes(json['commitment']),
    value: readBytes(json['value']),
    monitored: readArray(json['monitored'], readMonitored),
    ladder: readArray(json['ladder'], readKnownVersion),
    monitoredAtMs: optional(readNumber)(json['monitoredAtMs']),
  };
}

function readMonitored(value: unknown): MonitoredVersion {
  const json = readFields(readObject(value), ['position', 'version']);
  return { position: readNumber(json['position']), version: readNumber(json['version']) };
}

function readKnownVersion(value: unknown): KnownVersion {
  const json = readFields(readObject(value), ['version', 'vrfOutput', 'commitment']);
  return {
    version: readNumber(json['version']),
    vrfOutput: readBytes(json['vrfOutput']),
    commitment: optional(readBytes)(json['commitment']),
  };
}

function readOwner(value: unknown): OwnedLabel {
  const json = readFields(readObject(value), ['state', 'versions', 'monitoredAtMs']);
  return {
    state: optional(readBytes)(json['state']),
    versions: readArray(json['versions'], readOwnedVersion),
    monitoredAtMs: optional(readNumber)(json['monitoredAtMs']),
  };
}

function readOwnedVersion(value: unknown): OwnedVersion {
  const json = readFields(readObject(value), ['version', 'commitment', 'origin', 'spkis']);
  return {
    version: readNumber(json['version']),
    commitment: readBytes(json['commitment']),
    origin: readOneOf(OWNED_ORIGINS, json['origin']),
    spkis: optional((spkis) => readArray(spkis, readBytes))(json['spkis']),
  };
}

function readAlert(value: unknown): Alert {
  const json = readFields(readObject(value), ALERT_FIELDS);
  return {
    identity: readText(json['identity']),
    type: readOneOf(ALERT_TYPES, json['type']),
    version: readNumber(json['version']),
    reason: readText(json['reason']),
    value: optional(readBytes)(json['value']),
    seenAtMs: readNumber(json['seenAtMs']),
    ...(optional(readTrue)(json['afterAbsence']) === true ? { afterAbsence: true } : {}),
  };
}

function readCredential(value: unknown): PendingCredential {
  const json = readFields(readObject(value), ['identity', 'unsettled', 'receivedAtMs', 'askAtMs']);
  return {
    identity: readText(json['identity']),
    unsettled: decode(unsettledCredentialCodec, readBytes(json['unsettled'])),
    receivedAtMs: readNumber(json['receivedAtMs']),
    askAtMs: optional(readNumber)(json['askAtMs']),
  };
}

function readMark(value: unknown): VerifiedMark {
  const json = readFields(readObject(value), ['version', 'commitment', 'keys', 'markedAtMs', 'lostAt']);
  const lostAt = optional(readNumber)(json['lostAt']);
  return {
    version: readNumber(json['version']),
    commitment: readBytes(json['commitment']),
    keys: readArray(json['keys'], readBytes),
    markedAtMs: readNumber(json['markedAtMs']),
    ...(lostAt === undefined ? {} : { lostAt }),
  };
}

function readHead(value: unknown): KnownHead {
  return decode(knownHeadCodec, readBytes(value));
}

function readMap<T>(value: unknown, read: (value: unknown) => T): ReadonlyMap<string, T> {
  return new Map(Object.entries(readObject(value)).map(([key, entry]) => [key, read(entry)]));
}

function readObject(value: unknown): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  ensure(isObject, 'state-corrupt', 'the state has something else where an object belongs');
  return value as Record<string, unknown>;
}

/** Returns the object if this version knows all its members: it would lose any other one when it writes the state. */
function readFields(json: Record<string, unknown>, known: readonly string[]): Record<string, unknown> {
  assertNotNewer(Object.keys(json).every((name) => known.includes(name)));
  return json;
}

function assertNotNewer(condition: boolean): asserts condition {
  const message =
    'a newer version of Glasskey wrote the state, and this one would lose a part of it. Nothing was changed. ' +
    'Next: update Glasskey, or use another state';
  ensure(condition, 'state-too-new', message);
}

function readArray<T>(value: unknown, read: (value: unknown) => T): readonly T[] {
  ensure(Array.isArray(value), 'state-corrupt', 'the state has something else where a list belongs');
  return value.map(read);
}

function readText(value: unknown): string {
  ensure(typeof value === 'string', 'state-corrupt', 'the state has something else where a text belongs');
  return value;
}

function readBytes(value: unknown): Uint8Array {
  return parseBase64(readText(value));
}

function readNumber(value: unknown): number {
  ensure(
    Number.isSafeInteger(value) && (value as number) >= 0,
    'state-corrupt',
    'the state has something else where a number belongs',
  );
  return value as number;
}

function readTrue(value: unknown): true {
  ensure(value === true, 'state-corrupt', 'the state has something else where true belongs');
  return value;
}

function readOneOf<const T extends string>(known: readonly T[], value: unknown): T {
  const found = known.find((candidate) => candidate === value);
  ensure(found !== undefined, 'state-corrupt', 'the state holds an unknown keyword');
  return found;
}

function optional<T>(read: (value: unknown) => T): (value: unknown) => T | undefined {
  return (value) => (value === undefined ? undefined : read(value));
}

function assertHashes(hashes: readonly (Uint8Array | undefined)[]): void {
  const fits = hashes.every((hash) => hash === undefined || hash.length === 32);
  ensure(fits, 'state-corrupt', 'a hash in the state has the wrong length');
}

function assertAscending(values: readonly number[]): void {
  const isAscending = values.every((value, i) => i === 0 || value > (values[i - 1] as number));
  ensure(isAscending, 'state-corrupt', 'a list in the state is out of order');
}
