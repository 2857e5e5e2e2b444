import { encode, decode } from '../../core/encoding/codec.ts';
import { type KnownHead, knownHeadCodec } from '../../core/keytrans/known-head.ts';
import { unsettledCredentialCodec } from '../../core/keytrans/settle-credential.ts';
import { type TreeView, treeViewCodec } from '../../core/keytrans/tree-view.ts';
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
import {
  assertAscending,
  assertHashes,
  ifPresent,
  readArray,
  readBytes,
  readFields,
  readNumber,
  readObject,
  readOneOf,
  readText,
  readTrue,
} from './json-values.ts';

/**
 * The members of a state, each as a value for JSON and back (docs/client-state.md). Readers and writers throw
 * `state-corrupt` for what does not fit; readers throw `state-too-new` for a member that this version does not know.
 */

/** The members of a state, whole or changed. */
export const STATE_FIELDS = [
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
] as const satisfies readonly (keyof ClientState)[];

const CONTACT_FIELDS = ['version', 'commitment', 'value', 'monitored', 'ladder', 'monitoredAtMs'];

const OWNED_ORIGINS = ['made', 'adopted', 'maintenance', 'unexpected', 'acknowledged'] as const;
const ALERT_FIELDS = ['identity', 'type', 'version', 'reason', 'value', 'seenAtMs', 'afterAbsence'];
const ALERT_TYPES = ['operator', 'recovery', 'unexplained', 'unexpected-version'] as const;

/** Reads {@link PinnedAt}. */
export function readPinned(value: unknown): PinnedAt {
  const json = readFields(readObject(value), ['server', 'fingerprint', 'previous', 'settled']);
  const [fingerprint, previous] = [json['fingerprint'], json['previous']].map(ifPresent(readText));
  return {
    server: readText(json['server']),
    fingerprint,
    ...(previous === undefined ? {} : { previous }),
    ...(ifPresent(readTrue)(json['settled']) === true ? { settled: true } : {}),
  };
}

/** Reads a contact of format 1, which has no ladder. */
export function readContactOfFormat1(value: unknown): KnownContact {
  return readContact({ ...readObject(value), ladder: [] });
}

/** Reads a contact. */
export function readContact(value: unknown): KnownContact {
  const json = readFields(readObject(value), CONTACT_FIELDS);
  return writeContact({
    version: readNumber(json['version']),
    commitment: readBytes(json['commitment']),
    value: readBytes(json['value']),
    monitored: readArray(json['monitored'], readMonitored),
    ladder: readArray(json['ladder'], readKnownVersion),
    monitoredAtMs: ifPresent(readNumber)(json['monitoredAtMs']),
  });
}

/** Returns the contact if its lists are in order and its hashes have their length. */
export function writeContact(contact: KnownContact): KnownContact {
  const { commitment, monitored, ladder } = contact;
  assertAscending(monitored.map(({ position }) => position));
  assertAscending(ladder.map(({ version }) => version));
  assertHashes([commitment, ...ladder.flatMap((known) => [known.vrfOutput, known.commitment])]);
  return contact;
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
    commitment: ifPresent(readBytes)(json['commitment']),
  };
}

/** Reads a label that is the user's own. */
export function readOwner(value: unknown): OwnedLabel {
  const json = readFields(readObject(value), ['state', 'versions', 'monitoredAtMs']);
  return writeOwner({
    state: ifPresent(readBytes)(json['state']),
    versions: readArray(json['versions'], readOwnedVersion),
    monitoredAtMs: ifPresent(readNumber)(json['monitoredAtMs']),
  });
}

/** Returns the label if its versions are in order and its hashes have their length. */
export function writeOwner(owner: OwnedLabel): OwnedLabel {
  const { versions } = owner;
  assertAscending(versions.map(({ version }) => version));
  assertHashes(versions.map(({ commitment }) => commitment));
  assertHashes(versions.flatMap(({ spkis }) => spkis ?? []));
  return owner;
}

function readOwnedVersion(value: unknown): OwnedVersion {
  const json = readFields(readObject(value), ['version', 'commitment', 'origin', 'spkis']);
  return {
    version: readNumber(json['version']),
    commitment: readBytes(json['commitment']),
    origin: readOneOf(OWNED_ORIGINS, json['origin']),
    spkis: ifPresent((spkis) => readArray(spkis, readBytes))(json['spkis']),
  };
}

/** Reads an alert. */
export function readAlert(value: unknown): Alert {
  const json = readFields(readObject(value), ALERT_FIELDS);
  return {
    identity: readText(json['identity']),
    type: readOneOf(ALERT_TYPES, json['type']),
    version: readNumber(json['version']),
    reason: readText(json['reason']),
    value: ifPresent(readBytes)(json['value']),
    seenAtMs: readNumber(json['seenAtMs']),
    ...(ifPresent(readTrue)(json['afterAbsence']) === true ? { afterAbsence: true } : {}),
  };
}

/** Reads a credential that awaits its final verification. */
export function readPendingCredential(value: unknown): PendingCredential {
  const json = readFields(readObject(value), ['identity', 'unsettled', 'receivedAtMs', 'askAtMs']);
  return {
    identity: readText(json['identity']),
    unsettled: decode(unsettledCredentialCodec, readBytes(json['unsettled'])),
    receivedAtMs: readNumber(json['receivedAtMs']),
    askAtMs: ifPresent(readNumber)(json['askAtMs']),
  };
}

/** Returns the value for JSON of {@link readPendingCredential}. */
export function writeCredential(credential: PendingCredential): object {
  return { ...credential, unsettled: encode(unsettledCredentialCodec, credential.unsettled) };
}

/** Reads the mark of a contact. */
export function readMark(value: unknown): VerifiedMark {
  const json = readFields(readObject(value), ['version', 'commitment', 'keys', 'markedAtMs', 'lostAt']);
  const lostAt = ifPresent(readNumber)(json['lostAt']);
  return writeMark({
    version: readNumber(json['version']),
    commitment: readBytes(json['commitment']),
    keys: readArray(json['keys'], readBytes),
    markedAtMs: readNumber(json['markedAtMs']),
    ...(lostAt === undefined ? {} : { lostAt }),
  });
}

/** Returns the mark if its hashes have their length. */
export function writeMark(mark: VerifiedMark): VerifiedMark {
  assertHashes([mark.commitment, ...mark.keys]);
  return mark;
}

/** Reads a distinguished log entry. */
export function readHead(value: unknown): KnownHead {
  return decode(knownHeadCodec, readBytes(value));
}

/** Returns the value for JSON of {@link readHead}. */
export function writeHead(head: KnownHead): Uint8Array {
  return encode(knownHeadCodec, head);
}

/** Throws `state-corrupt` unless the heads stand left to right. */
export function assertHeadsInOrder(heads: readonly KnownHead[]): void {
  assertAscending(heads.map(({ position }) => position));
}

/** Reads a view of the log. */
export function readView(value: unknown): TreeView {
  return decode(treeViewCodec, readBytes(value));
}

/** Returns the value for JSON of {@link readView}. */
export function writeView(view: TreeView): Uint8Array {
  return encode(treeViewCodec, view);
}
