import type { HeldVersion, LinkType } from '../../identity/continuity.ts';
import type { Unjudged } from '../../identity/first-look.ts';
import type { Identity } from '../../identity/identity.ts';
import { encodeIdentityRecord } from '../../identity/identity-record.ts';
import { spkiSet } from '../../identity/spki-set.ts';
import { mergeAlerts } from '../binding/alerts.ts';
import type { BindingChange } from '../binding/binding.ts';
import type { Alert, ClientState, OwnedLabel, OwnedOrigin, OwnedVersion } from '../state/client-state.ts';
import { type CheckedBinding, CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import { readVersions } from './read-versions.ts';
import type { Operation } from './operation.ts';
import type { IsMade } from './own-doing.ts';
import { assertFollows, assertUnchanged, decideOrigin, unexpectedVersionAlert } from './unexpected-version.ts';

/** A label that its user owns and of which nothing is known yet. */
export const NEW_OWNED: OwnedLabel = { state: undefined, versions: [], monitoredAtMs: undefined };

/** Returns a state in which the owner of `identity` knows these versions as well. */
export function withVersions(state: ClientState, { text }: Identity, versions: readonly OwnedVersion[]): ClientState {
  const owned = state.owners.get(text) ?? NEW_OWNED;
  const others = owned.versions.filter(({ version }) => !versions.some((one) => one.version === version));
  const all = [...others, ...versions].sort((a, b) => a.version - b.version);
  return { ...state, owners: new Map(state.owners).set(text, { ...owned, versions: all }) };
}

/**
 * Notes the latest version as its owner's doing if the owner made it, and removes its alert. The user is then known as
 * the owner of the identity. After a lost answer, the client met the version before it knew who had made it.
 */
export async function noteMade(
  state: ClientState,
  identity: Identity,
  { latest, binding: { change } }: CheckedBinding,
  isMade: IsMade,
): Promise<ClientState> {
  if (!(await isMade(latest, linkOf(latest, change)))) return state;
  return withExpected(state, identity, await describe(latest, 'made'));
}

/** Returns a state in which the owner accepts a version: without its alert. */
export function withExpected(state: ClientState, identity: Identity, expected: OwnedVersion): ClientState {
  const next = withVersions(state, identity, [expected]);
  const alerts = next.alerts.filter(
    ({ identity: about, type, version }) =>
      about !== identity.text || version !== expected.version || (type !== 'unexpected-version' && type !== 'recovery'),
  );
  return { ...next, alerts };
}

/** Options for noting changes of an own label. */
export interface NoteOptions {
  /** Recognises what the owner asked for. Default: the owner asked for nothing. */
  readonly isMade?: IsMade | undefined;
  /** True if the label did not exist when the owner asked for it: then no version is adopted. */
  readonly isNew?: boolean | undefined;
}

/** Changes of an own label since its owner last looked. */
export interface OwnChanges {
  readonly next: ClientState;
  /** Versions that the owner did not know. */
  readonly added: readonly OwnedVersion[];
}

/**
 * Takes every version since the last known one into the state, each with the origin that {@link decideOrigin} finds,
 * and raises an alert for each unexpected one. Throws `version-rolled-back`, and `unexpected-version` if a version that
 * the owner knows has another value.
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
  assertUnchanged(owned.versions, found.latest);
  const isTakenOver = last === undefined && options.isNew !== true;
  const first = isTakenOver ? found.latest.version : (last?.version ?? -1) + 1;
  const { versions, why } = await readVersions(operation, identity, first, found.latest);
  if (versions === undefined) {
    return noteGap(operation, state, identity, found, { isMade: options.isMade, reason: gapReason(first, found, why) });
  }
  if (last !== undefined) assertFollows(last, versions);
  const added: OwnedVersion[] = [];
  const alerts: Alert[] = [];
  const nowMs = operation.now();
  for (const [i, one] of versions.entries()) {
    const link = linkOf(one, found.binding.change);
    const before = async () => versions[i - 1] ?? (await readBefore(operation, identity, one));
    const facts = { link, isMade: options.isMade, isTakenOver, before, nowMs };
    const origin = await decideOrigin(one, facts);
    added.push(await describe(one, origin));
    if (origin === 'unexpected') {
      alerts.push(unexpectedVersionAlert(operation, identity, one, { link, wasAway: wasAway(operation, owned) }));
    }
  }
  const next = withVersions(state, identity, added);
  return { next: { ...next, alerts: mergeAlerts(next.alerts, alerts) }, added };
}

/** Reads the version before a verified one; undefined if the log does not show it: it may be erased. */
async function readBefore(
  operation: Operation,
  identity: Identity,
  verified: HeldVersion,
): Promise<HeldVersion | undefined> {
  const { versions } = await readVersions(operation, identity, verified.version - 1, verified);
  return versions?.[0];
}

/**
 * Returns true if the owner monitored the label with this state once, and then not for a whole monitoring window: it
 * was away, or the state is an old copy.
 */
function wasAway({ trust, now }: Operation, { monitoredAtMs }: OwnedLabel): boolean {
  return monitoredAtMs !== undefined && now() - monitoredAtMs > trust.config.reasonableMonitoringWindowMs;
}

/** Says why the versions from `first` up to the latest one could not be read. */
function gapReason(first: number, { latest: { version } }: CheckedBinding, why: Unjudged['why']): string {
  if (why === 'not-shown') {
    return `the log does not show what came before version ${version}, since this owner last looked`;
  }
  return (
    `versions ${first} to ${version - 1} came since this owner last looked, which is more than this client reads at once ` +
    '(4,096 versions, 32 MiB): it did not check who made them. Next: `glasskey history` shows them in parts'
  );
}

/**
 * Notes versions whose records could not be read, perhaps after an erasure: nobody can say who made them. Only the
 * latest one can still have an origin.
 */
async function noteGap(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  { latest, binding: { change } }: CheckedBinding,
  { isMade, reason }: { readonly isMade: IsMade | undefined; readonly reason: string },
): Promise<OwnChanges> {
  const before = () => readBefore(operation, identity, latest);
  const facts = { isTakenOver: false, before, nowMs: operation.now() };
  const origin = await decideOrigin(latest, { link: linkOf(latest, change), isMade, ...facts });
  const added = [await describe(latest, origin)];
  const { version, record } = latest;
  const alert: Alert = {
    identity: identity.text,
    type: 'unexplained',
    version,
    reason,
    value: encodeIdentityRecord(record),
    seenAtMs: operation.now(),
  };
  const next = withVersions(state, identity, added);
  return { next: { ...next, alerts: mergeAlerts(next.alerts, [alert]) }, added };
}

function linkOf({ version }: HeldVersion, change: BindingChange): LinkType | undefined {
  return change.links.find((link) => link.version === version)?.type;
}

async function describe({ version, commitment, record }: HeldVersion, origin: OwnedOrigin): Promise<OwnedVersion> {
  return { version, commitment, origin, spkis: await spkiSet(record, CONTINUITY_PORTS) };
}
