import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { HeldVersion, LinkType } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { encodeIdentityRecord } from '../../identity/identity-record.ts';
import { spkiSet } from '../../identity/spki-set.ts';
import { mergeAlerts } from '../binding/alerts.ts';
import type { BindingChange } from '../binding/binding.ts';
import type { Alert, ClientState, OwnedLabel, OwnedOrigin, OwnedVersion } from '../state/client-state.ts';
import { type CheckedBinding, CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import { readVersions, type ReadVersion } from './read-versions.ts';
import type { Operation } from './operation.ts';
import type { IsMade } from './own-doing.ts';

/** A label that its user owns and of which nothing is known yet. */
export const NEW_OWNED: OwnedLabel = { state: undefined, versions: [], monitoredAtMs: undefined };

/** A state in which the owner of `identity` knows these versions as well. */
export function withVersions(state: ClientState, { text }: Identity, versions: readonly OwnedVersion[]): ClientState {
  const owned = state.owners.get(text) ?? NEW_OWNED;
  const others = owned.versions.filter(({ version }) => !versions.some((one) => one.version === version));
  const all = [...others, ...versions].sort((a, b) => a.version - b.version);
  return { ...state, owners: new Map(state.owners).set(text, { ...owned, versions: all }) };
}

/**
 * The latest version as its owner's doing, where it is: after a lost answer it was met before it was known whose it is. From
 * then on the user is known as the owner of the identity.
 */
export async function noteMade(
  state: ClientState,
  identity: Identity,
  { latest, binding: { change } }: CheckedBinding,
  isMade: IsMade,
): Promise<ClientState> {
  if (!(await isMade(latest, linkOf(latest, change)))) return state;
  const next = withVersions(state, identity, [await describe(latest, 'made')]);
  const alerts = next.alerts.filter(
    ({ identity: about, type, version }) =>
      about !== identity.text || type !== 'unexpected-version' || version !== latest.version,
  );
  return { ...next, alerts };
}

/** How changes of an own label are noted. */
export interface NoteOptions {
  /** What its owner asked for. Default: nothing. */
  readonly isMade?: IsMade | undefined;
  /** The label did not exist when the owner asked for it: whatever else there is now is no more adopted than expected. */
  readonly isNew?: boolean | undefined;
}

/** What became of an own label since its owner last looked. */
export interface OwnChanges {
  readonly next: ClientState;
  /** Versions that the owner did not know. */
  readonly added: readonly OwnedVersion[];
}

/**
 * Takes every version since the last known one into the state. What the owner did not make is `maintenance` where the
 * authority renewed or removed certificates, and otherwise unexpected: an alert, until it is acknowledged. When a label is
 * taken over, what is there is adopted. Throws `version-rolled-back`, and `unexpected-version` where a version
 * that the owner knows has another value.
 */
export async function noteChanges(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  found: CheckedBinding,
  options: NoteOptions = {},
): Promise<OwnChanges> {
  const owned = state.owners.get(identity.text) ?? NEW_OWNED;
  const last = owned.versions.at(-1);
  assertSame(owned, found.latest);
  const isTaken = last === undefined && options.isNew !== true;
  const first = isTaken ? found.latest.version : (last?.version ?? -1) + 1;
  const versions = await readVersions(operation, identity, first, found.latest).catch((error: unknown) => {
    if (isGlasskeyError(error, 'bad-chain')) return undefined;
    throw error;
  });
  if (versions === undefined) return noteGap(operation, state, identity, found);
  if (last !== undefined) assertFollows(last, versions);
  const added: OwnedVersion[] = [];
  const alerts: Alert[] = [];
  for (const one of versions) {
    const link = linkOf(one, found.binding.change);
    const others = isTaken ? 'adopted' : originOf(link);
    const origin = (await options.isMade?.(one, link)) === true ? 'made' : others;
    added.push(await describe(one, origin));
    if (origin === 'unexpected') alerts.push(alertOf(operation, identity, one));
  }
  const next = withVersions(state, identity, added);
  return { next: { ...next, alerts: mergeAlerts(next.alerts, alerts) }, added };
}

/** Versions of which the log does not show the records, since they were erased perhaps: whose doing they are, nobody can tell. */
async function noteGap(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  { latest }: CheckedBinding,
): Promise<OwnChanges> {
  const added = [await describe(latest, 'unexpected')];
  const { version, record } = latest;
  const alert: Alert = {
    identity: identity.text,
    type: 'unexplained',
    version,
    reason: `the log does not show what came before version ${version}, since this owner last looked`,
    value: encodeIdentityRecord(record),
    seenAtMs: operation.now(),
  };
  const next = withVersions(state, identity, added);
  return { next: { ...next, alerts: mergeAlerts(next.alerts, [alert]) }, added };
}

/** What the owner was told must be what a contact is shown. Throws `unexpected-version`, `version-rolled-back`. */
export function assertAgrees(
  state: ClientState,
  { text }: Identity,
  created: readonly Pick<HeldVersion, 'version' | 'commitment'>[],
): void {
  const known = state.owners.get(text)?.versions ?? [];
  for (const { version, commitment } of created) {
    const shown = known.find((one) => one.version === version);
    const greatest = known.at(-1)?.version ?? -1;
    ensure(version <= greatest, 'version-rolled-back', `version ${version} is not shown to contacts`);
    const agrees = shown === undefined || equalBytes(shown.commitment, commitment);
    ensure(agrees, 'unexpected-version', `version ${version} has another value for contacts than for its owner`);
  }
}

/** A version that the owner knows must still have the value that it had. */
function assertSame({ versions }: OwnedLabel, latest: HeldVersion): void {
  const known = versions.find(({ version }) => version === latest.version);
  const isSame = known === undefined || equalBytes(known.commitment, latest.commitment);
  ensure(isSame, 'unexpected-version', `version ${latest.version} has another value than its owner gave it`);
  const greatest = versions.at(-1)?.version ?? -1;
  ensure(latest.version >= greatest, 'version-rolled-back', `version ${greatest} is no longer shown`);
}

function assertFollows(last: OwnedVersion, [next]: readonly ReadVersion[]): void {
  const follows = next === undefined || equalBytes(next.record.previousCommitment, last.commitment);
  ensure(follows, 'unexpected-version', `version ${last.version} has another value than its owner gave it`);
}

function linkOf({ version }: HeldVersion, change: BindingChange): LinkType | undefined {
  return change.links.find((link) => link.version === version)?.type;
}

function originOf(link: LinkType | undefined): OwnedOrigin {
  return link === 'maintenance' ? 'maintenance' : 'unexpected';
}

async function describe({ version, commitment, record }: HeldVersion, origin: OwnedOrigin): Promise<OwnedVersion> {
  return { version, commitment, origin, spkis: await spkiSet(record, CONTINUITY_PORTS) };
}

function alertOf({ trust, now }: Operation, { text }: Identity, { version, record, value }: ReadVersion): Alert {
  const by = record.authorization.type;
  const made = `version ${version} was not made by this owner; it names "${by}" as its authorisation`;
  const { pending } = record;
  const asked = `version ${version} asks to give ${text} to another key: it can take effect ${delayText(trust)} later`;
  const reason = pending === undefined ? made : `${asked}, unless one of its present keys vetoes it before`;
  return { identity: text, type: 'unexpected-version', version, reason, value, seenAtMs: now() };
}

/** The delay of recoveries, in words. */
function delayText({ bundle: { recoveryDelayMs: delayMs } }: Operation['trust']): string {
  const hours = Math.floor(delayMs / 3_600_000);
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return hours >= 1 ? `${hours} h` : `${Math.floor(delayMs / 1000)} s`;
}
