import { parseCertificate } from '../../ca/certificate.ts';
import { verifySpkiSignature } from '../../ca/verify-signature.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import type { ClientKey } from '../client-key.ts';
import { type DeviceNote, deviceNoteMessage, formatDeviceNote, parseDeviceNote } from '../device-note-text.ts';
import type { ClientState, OwnedVersion, StateChange } from '../state/client-state.ts';
import type { Operation } from './operation.ts';
import { changeSignedBy } from './own-doing.ts';
import { NEW_OWNED, withExpected } from './owned-versions.ts';
import { readVersions } from './read-versions.ts';

/** The outcome of a note that another device of the owner sent. */
export interface AcceptedNote {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** True if this device did not know who had made the version: its alert is gone now. */
  readonly wasUnexpected: boolean;
}

/**
 * Signs a note about the newest version that this client made, for the owner's other devices
 * (docs/spec.md#device-notes). `credentials` is the key that signed that change. Throws `usage` if this client made no
 * version of the identity.
 */
export async function makeDeviceNote(
  { trust }: Operation,
  { owners }: ClientState,
  { text, label }: Identity,
  credentials: ClientKey,
): Promise<StateChange<string>> {
  const made = owners.get(text)?.versions.findLast(({ origin }) => origin === 'made');
  ensure(made !== undefined, 'usage', `this client made no version of ${text}: there is nothing to note`);
  const noted = { origin: trust.bundle.origin, label, version: made.version, commitment: made.commitment };
  const signature = await credentials.sign(deviceNoteMessage(noted));
  return { result: formatDeviceNote({ ...noted, signer: credentials.spki, signature }) };
}

/**
 * Reads a note (untrusted) of another device about an own identity. Throws `malformed-encoding`, `bad-signature`, and
 * `usage` for a note about another log or identity, or about one that is not the user's own here.
 */
export async function readDeviceNote(
  { trust }: Operation,
  { owners }: ClientState,
  identity: Identity,
  text: string,
): Promise<StateChange<DeviceNote>> {
  const note = parseDeviceNote(text);
  const isMeant = note.origin === trust.bundle.origin && equalBytes(note.label, identity.label);
  ensure(isMeant, 'usage', `the note is about another log or another name than ${identity.text}`);
  // Taking the name over now would adopt every version, whoever made it.
  ensure(owners.has(identity.text), 'usage', `${identity.text} is not the user's own on this device`);
  await verifySpkiSignature(note.signer, deviceNoteMessage(note), note.signature);
  return { result: note };
}

/**
 * Accepts the version that a note of {@link readDeviceNote} names, after monitoring: its alert is removed. It holds if
 * the note, and the change that made the version, are signed by one key, which the version before certifies. Throws
 * `unexpected-version` if the log showed another value of that version here; `too-far-behind` if it did not show the
 * version yet; `change-rejected` if that key did not make it.
 */
export async function acceptDeviceNote(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  note: DeviceNote,
): Promise<StateChange<AcceptedNote>> {
  const { versions } = state.owners.get(identity.text) ?? NEW_OWNED;
  const known = versions.find(({ version }) => version === note.version);
  const late = `the log does not show version ${note.version} here yet: ask again, and compare heads if it stays so`;
  ensure(known !== undefined, 'too-far-behind', late);
  const differs = `another device made another version ${note.version} than the log shows here: compare heads with it`;
  ensure(equalBytes(known.commitment, note.commitment), 'unexpected-version', differs);
  const wasUnexpected = known.origin === 'unexpected';
  const result = { identity: identity.text, version: note.version, wasUnexpected };
  if (known.origin === 'made') return { result };
  await assertMadeBy(operation, state, identity, note, versions);
  return wasUnexpected
    ? { next: withExpected(state, identity, { ...known, origin: 'acknowledged' }), result }
    : { result };
}

/** Throws `change-rejected` unless the signer of the note made the version, by a right that the one before gave it. */
async function assertMadeBy(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  note: DeviceNote,
  known: readonly OwnedVersion[],
): Promise<void> {
  const rejected = `the signer of the note is not proved to have made version ${note.version}: acknowledge it yourself`;
  const latest = heldVersion(state, identity);
  ensure(latest !== undefined && note.version > 0, 'change-rejected', rejected);
  const read = await readVersions(operation, identity, note.version - 1, latest);
  const [before, made] = read.versions ?? [];
  ensure(before !== undefined && made !== undefined, 'change-rejected', rejected);
  const accepted = known.find(({ version }) => version === before.version);
  const isAccepted = accepted !== undefined && accepted.origin !== 'unexpected';
  ensure(isAccepted, 'change-rejected', `version ${before.version} comes first: accept or acknowledge it`);
  const mayChange =
    equalBytes(accepted.commitment, before.commitment) &&
    before.record.certificates.some((der) => equalBytes(parseCertificate(der).spki, note.signer));
  const isMade = changeSignedBy(operation, identity, note.signer);
  ensure(mayChange && (await isMade(made, 'key')), 'change-rejected', rejected);
}

/** Returns the newest version of an identity as the state holds it, verified. */
function heldVersion({ contacts }: ClientState, { text }: Identity): HeldVersion | undefined {
  const held = contacts.get(text);
  return held && { version: held.version, commitment: held.commitment, record: decodeIdentityRecord(held.value) };
}
