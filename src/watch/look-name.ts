import { decodeAuditState } from '../client/audit/audit-state.ts';
import { CONTINUITY_PORTS } from '../client/binding/verify-binding.ts';
import { updateHeads } from '../client/operations/heads.ts';
import { judgeOf, type Judgement } from '../client/operations/history.ts';
import { headTime, type Operation } from '../client/operations/operation.ts';
import { readVersions } from '../client/operations/read-versions.ts';
import type { ClientState } from '../client/state/client-state.ts';
import { PATHS } from '../contract/paths.ts';
import { formatHex, parseBase64 } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { versionsToWatch } from '../core/keytrans/binary-ladder.ts';
import { lookupRequestCodec, lookupResponseCodec } from '../core/keytrans/messages.ts';
import { verifyLookup } from '../core/keytrans/verify-lookup.ts';
import type { HeldVersion } from '../identity/continuity.ts';
import type { Identity } from '../identity/identity.ts';
import { openLink } from '../identity/record-link.ts';
import { spkiSet } from '../identity/spki-set.ts';
import type { AddedVersion, WatchedKey } from './records.ts';

/** A version as a watcher tells of it. */
export interface LookedVersion extends HeldVersion {
  /** Its proven author; undefined if the log did not show the version before. */
  readonly judgement: Judgement | undefined;
  /** SHA-256 of each certified key, lower-case hex. */
  readonly keys: readonly string[];
}

/** The version from which a look reads on: one that a lookup proved, or one that a mandate claims. */
export interface SinceVersion {
  readonly version: number;
  /** Lower-case hex. */
  readonly commitment: string;
}

/** A verified look at a name. */
export interface LookedName {
  /** The state with the view that the answer proved. */
  readonly next: ClientState;
  readonly latest: HeldVersion;
  /** The keys to watch from now on. */
  readonly keys: readonly WatchedKey[];
  /** The version that the look reads on from; undefined if the log does not show it. */
  readonly since: HeldVersion | undefined;
  /** Versions after that one, ascending. Only the latest one if the log does not show the others. */
  readonly versions: readonly LookedVersion[];
}

/**
 * Looks a name up and reads the versions after one that is known. The answer must not be older than what was audited:
 * its keys are watched from that entry on. `added` is what the log's entries added since. Throws `too-far-behind` if
 * the answer is older, `version-rolled-back` and `unexpected-version` if it contradicts the known version or what was
 * added, and what a lookup throws.
 */
export async function lookName(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  since: SinceVersion,
  added: readonly AddedVersion[],
): Promise<LookedName> {
  const { config } = operation.trust;
  const audited = auditedSize(state);
  ensure(audited > 0, 'too-far-behind', 'this watcher has not audited the log yet: try again later');
  // A server may answer for any recent head that it has a cheap proof for, but for none before the advertised one.
  const { view } = (state.view?.size ?? 0) >= audited ? state : await updateHeads(operation, state);
  const message = `the server answers for ${view?.size} entries, and ${audited} are audited`;
  ensure((view?.size ?? 0) >= audited, 'too-far-behind', message);
  const request = { last: view?.size, label: identity.label };
  const codec = lookupResponseCodec(config);
  const answer = await operation.transport.postKeytrans(PATHS.lookup, [lookupRequestCodec, request], codec);
  const verified = verifyLookup({ config, view, nowMs: headTime(operation) }, request, answer);
  const next = { ...state, view: verified.view };
  const greatest = Math.max(since.version, ...added.map(({ version }) => version));
  const denied = `the log has version ${greatest} of ${identity.text}, and its lookups deny it`;
  ensure(verified.type === 'found' && verified.version >= greatest, 'version-rolled-back', denied);
  const latest = openLink(identity.label, verified.version, verified);
  for (const one of [since, ...added]) assertSame(identity, one, latest);
  const watched = new Set(versionsToWatch(latest.version));
  const keys = verified.ladder
    .filter(({ version }) => watched.has(version))
    .map(({ version, vrfOutput }) => ({ version, key: formatHex(vrfOutput) }));
  return { next, latest, keys, ...(await readSince(operation, next, identity, latest, since)) };
}

/** The size up to which the log is audited; 0 before the first audit. */
function auditedSize({ audit }: Pick<ClientState, 'audit'>): number {
  return audit === undefined ? 0 : decodeAuditState(parseBase64(audit)).auditor.size;
}

/** Throws `unexpected-version` if two values of one version are known. */
function assertSame({ text }: Identity, known: SinceVersion, shown: HeldVersion | undefined): void {
  const isSame = known.version !== shown?.version || known.commitment === formatHex(shown.commitment);
  ensure(isSame, 'unexpected-version', `version ${known.version} of ${text} has two values`);
}

async function readSince(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  latest: HeldVersion,
  known: SinceVersion,
): Promise<Pick<LookedName, 'since' | 'versions'>> {
  if (known.version === latest.version) return { since: latest, versions: [] };
  const { versions: read } = await readVersions(operation, identity, known.version, latest);
  if (read === undefined) return { since: undefined, versions: [await describe(latest, undefined)] };
  const [since] = read;
  assertSame(identity, known, since);
  const judge = judgeOf(operation, identity, state);
  const versions: LookedVersion[] = [];
  let previous = since;
  for (const one of read.slice(1)) {
    versions.push(await describe(one, await judge(previous, one)));
    previous = one;
  }
  return { since, versions };
}

async function describe(held: HeldVersion, judgement: Judgement | undefined): Promise<LookedVersion> {
  const { version, commitment, record } = held;
  // A certificate that cannot be read is a fault of the version, and no reason to be silent about it.
  const keys = await spkiSet(record, CONTINUITY_PORTS).catch(() => []);
  return { version, commitment, record, judgement, keys: keys.map(formatHex) };
}
