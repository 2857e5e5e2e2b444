import { formatBase64, parseBase64 } from '../core/encoding/bytes.ts';
import { decode, encode } from '../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { treeViewCodec } from '../core/keytrans/tree-view.ts';
import type { KnownVersion } from '../core/keytrans/verify-search.ts';
import type {
  Alert,
  ClientState,
  KnownContact,
  MonitoredVersion,
  OwnedLabel,
  OwnedVersion,
  PendingCredential,
} from './client-state.ts';

/**
 * The JSON text of a state, format 2 (docs/client-state.md): an object with the fields of {@link ClientState}; byte strings in
 * base64, what is undefined left out.
 */
export function formatClientState(state: ClientState): string {
  const json = {
    format: 2,
    bundle: state.bundle,
    view: state.view && formatBase64(encode(treeViewCodec, state.view)),
    contacts: Object.fromEntries(state.contacts),
    owners: Object.fromEntries(state.owners),
    alerts: state.alerts,
    distinguished: state.distinguished,
    credentials: state.credentials,
    audit: state.audit,
  };
  const text = JSON.stringify(json, (_, value) => (value instanceof Uint8Array ? formatBase64(value) : value), 1);
  return `${text}\n`;
}

/**
 * Reads {@link formatClientState}'s text back, or that of the earlier format 1, whose contacts come without what their
 * monitoring is verified with. Throws `state-corrupt`.
 */
export function parseClientState(text: string): ClientState {
  try {
    const json = readObject(JSON.parse(text));
    const format = json['format'];
    ensure(format === 1 || format === 2, 'state-corrupt', 'the state is of another format');
    const view = optional(readText)(json['view']);
    return {
      bundle: optional(readText)(json['bundle']),
      view: view === undefined ? undefined : decode(treeViewCodec, parseBase64(view)),
      contacts: readMap(json['contacts'], format === 1 ? readContactOfFormat1 : readContact),
      owners: readMap(format === 1 ? {} : json['owners'], readOwner),
      alerts: format === 1 ? [] : readArray(json['alerts'], readAlert),
      distinguished: format === 1 ? [] : readArray(json['distinguished'], readBytes),
      credentials: format === 1 ? [] : readArray(json['credentials'], readCredential),
      audit: optional(readText)(json['audit']),
    };
  } catch (error) {
    throw new GlasskeyError('state-corrupt', 'the stored state cannot be read', { cause: error });
  }
}

const OWNED_ORIGINS = ['made', 'adopted', 'maintenance', 'unexpected', 'acknowledged'] as const;
const ALERT_TYPES = ['operator', 'unexplained', 'unexpected-version'] as const;

function readContactOfFormat1(value: unknown): KnownContact {
  return readContact({ ...readObject(value), ladder: [] });
}

function readContact(value: unknown): KnownContact {
  const json = readObject(value);
  const monitored = readArray(json['monitored'], readMonitored);
  assertAscending(monitored.map(({ position }) => position));
  const ladder = readArray(json['ladder'], readKnownVersion);
  assertAscending(ladder.map(({ version }) => version));
  return {
    version: readNumber(json['version']),
    commitment: readHash(json['commitment']),
    value: readBytes(json['value']),
    monitored,
    ladder,
    monitoredAtMs: optional(readNumber)(json['monitoredAtMs']),
  };
}

function readMonitored(value: unknown): MonitoredVersion {
  const json = readObject(value);
  return { position: readNumber(json['position']), version: readNumber(json['version']) };
}

function readKnownVersion(value: unknown): KnownVersion {
  const json = readObject(value);
  return {
    version: readNumber(json['version']),
    vrfOutput: readHash(json['vrfOutput']),
    commitment: optional(readHash)(json['commitment']),
  };
}

function readOwner(value: unknown): OwnedLabel {
  const json = readObject(value);
  const versions = readArray(json['versions'], readOwnedVersion);
  assertAscending(versions.map(({ version }) => version));
  return {
    state: optional(readBytes)(json['state']),
    versions,
    monitoredAtMs: optional(readNumber)(json['monitoredAtMs']),
  };
}

function readOwnedVersion(value: unknown): OwnedVersion {
  const json = readObject(value);
  return {
    version: readNumber(json['version']),
    commitment: readHash(json['commitment']),
    origin: readOneOf(OWNED_ORIGINS, json['origin']),
    spkis: optional((spkis) => readArray(spkis, readHash))(json['spkis']),
  };
}

function readAlert(value: unknown): Alert {
  const json = readObject(value);
  return {
    identity: readText(json['identity']),
    type: readOneOf(ALERT_TYPES, json['type']),
    version: readNumber(json['version']),
    reason: readText(json['reason']),
    value: optional(readBytes)(json['value']),
    seenAtMs: readNumber(json['seenAtMs']),
  };
}

function readCredential(value: unknown): PendingCredential {
  const json = readObject(value);
  return {
    identity: readText(json['identity']),
    credential: readBytes(json['credential']),
    receivedAtMs: readNumber(json['receivedAtMs']),
  };
}

function readMap<T>(value: unknown, read: (value: unknown) => T): ReadonlyMap<string, T> {
  return new Map(Object.entries(readObject(value)).map(([key, entry]) => [key, read(entry)]));
}

function readObject(value: unknown): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  ensure(isObject, 'state-corrupt', 'an object of the state is none');
  return value as Record<string, unknown>;
}

function readArray<T>(value: unknown, read: (value: unknown) => T): readonly T[] {
  ensure(Array.isArray(value), 'state-corrupt', 'a list of the state is none');
  return value.map(read);
}

function readText(value: unknown): string {
  ensure(typeof value === 'string', 'state-corrupt', 'a text of the state is none');
  return value;
}

function readBytes(value: unknown): Uint8Array {
  return parseBase64(readText(value));
}

function readHash(value: unknown): Uint8Array {
  const hash = readBytes(value);
  ensure(hash.length === 32, 'state-corrupt', 'a hash of the state has another length');
  return hash;
}

function readNumber(value: unknown): number {
  ensure(Number.isSafeInteger(value) && (value as number) >= 0, 'state-corrupt', 'a number of the state is none');
  return value as number;
}

function readOneOf<const T extends string>(known: readonly T[], value: unknown): T {
  const found = known.find((candidate) => candidate === value);
  ensure(found !== undefined, 'state-corrupt', 'a word of the state is unknown');
  return found;
}

function optional<T>(read: (value: unknown) => T): (value: unknown) => T | undefined {
  return (value) => (value === undefined ? undefined : read(value));
}

function assertAscending(values: readonly number[]): void {
  const isAscending = values.every((value, i) => i === 0 || value > (values[i - 1] as number));
  ensure(isAscending, 'state-corrupt', 'a list of the state is out of order');
}
