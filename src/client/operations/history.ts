import { ensure, type GlasskeyError } from '../../core/errors.ts';
import { checkTransition, type HeldVersion } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { findOwnersRecord } from '../../identity/owners-record.ts';
import type { Unjudged } from '../../identity/first-look.ts';
import { breaksChain, openLink } from '../../identity/record-link.ts';
import { type BoundCertificate, type Provenance, verifyRecordCertificates } from '../binding/binding.ts';
import { earlierVersions } from '../binding/fetch-chain.ts';
import { monitorSearched } from '../binding/monitored-versions.ts';
import { recoveryWaitedIn } from '../binding/recovery-waited.ts';
import { CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import type { ClientState, OwnedOrigin, StateChange } from '../state/client-state.ts';
import { findIdentity } from './lookup.ts';
import { searchVersion } from './lookup-version.ts';
import { headTime, type Operation } from './operation.ts';
import { type ReadBounds, type ReadVersion, readVersionsBack } from './read-versions.ts';

/** One version of an identity. */
export interface PastVersion extends Provenance {
  readonly version: number;
  /** 32 bytes. */
  readonly commitment: Uint8Array;
  /** The rule that the version breaks, if its author is not proved: show it to the user. */
  readonly fault: GlasskeyError | undefined;
  /** Certificates of the record, valid or expired. */
  readonly certificates: readonly BoundCertificate[];
  /** The origin that its owner noted; undefined if this state does not own the identity or never saw the version. */
  readonly origin: OwnedOrigin | undefined;
}

/** All versions of an identity. */
export interface History {
  /** Canonical. */
  readonly identity: string;
  readonly treeSize: number;
  /** The number of the greatest version in the log. */
  readonly latest: number;
  /** Ascending and without a gap, up to the latest one or the one that was asked for. */
  readonly versions: readonly PastVersion[];
  /**
   * The versions before those, about which this says nothing; show it to the user. `bound`: there is more than a client
   * reads at once, so ask again with `before`. `not-shown`: the log did not show them, perhaps after an erasure.
   */
  readonly unread: Unjudged | undefined;
}

/** Options of {@link history}. */
export interface HistoryOptions {
  /** Reads the versions before this one. Default: up to the latest one. */
  readonly before?: number | undefined;
}

/**
 * Returns the versions of an identity, with their certificates and their proven authors. The last one is proved to be
 * in the log, as the greatest one unless `before` names another; each earlier one opens the commitment that its
 * successor names. Each is judged by the one before it. Throws `identity-not-found`, `bad-chain` if versions do not
 * connect, and what a lookup throws; with `before`, what `lookupVersion` throws.
 */
export async function history(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  { before }: HistoryOptions = {},
  bounds?: ReadBounds,
): Promise<StateChange<History>> {
  const { next: looked, found } = await findIdentity(operation, state, identity);
  ensure(found !== undefined, 'identity-not-found', `${identity.text} is not registered`);
  const isLatest = before === undefined || before > found.latest.version;
  const { next, last } = isLatest
    ? { next: looked, last: found.latest }
    : await findVersion(operation, looked, identity, before - 1);
  const owned = next.owners.get(identity.text)?.versions ?? [];
  const versions: PastVersion[] = [];
  const judge = judgeOf(operation, identity, next);
  const { versions: read, unread } = await readVersionsBack(operation, identity, last, bounds);
  // The first one cannot be judged without the one before it: the next look shows it as its last.
  const isPutOff = unread?.why === 'bound' && read.length > 1;
  let previous = isPutOff ? read[0] : undefined;
  for (const one of isPutOff ? read.slice(1) : read) {
    const { version, commitment, record } = one;
    const { current, expired } = await verifyRecordCertificates(record, identity, operation.trust, operation.now());
    const origin = owned.find((known) => known.version === version)?.origin;
    const certificates = [...current, ...expired];
    const isUnknown = previous === undefined && unread !== undefined;
    const judged = isUnknown ? UNJUDGED : await judge(previous, one);
    versions.push({ version, commitment, ...judged, claimed: record.authorization, certificates, origin });
    previous = one;
  }
  const { version: latest } = found.latest;
  const beyond = unread && { ...unread, last: (versions[0]?.version ?? last.version + 1) - 1 };
  const { text } = identity;
  return { next, result: { identity: text, treeSize: next.view?.size ?? 0, latest, versions, unread: beyond } };
}

/** Returns a version that the log is proved to hold, and the state that monitors it (KT §8.2). */
async function findVersion(
  operation: Operation,
  state: ClientState,
  identity: Identity,
  version: number,
): Promise<{ readonly next: ClientState; readonly last: HeldVersion }> {
  const search = await searchVersion(operation, state, identity, version);
  const last = openLink(identity.label, version, search);
  const known = state.contacts.get(identity.text);
  const contacts = new Map(state.contacts);
  if (known !== undefined) contacts.set(identity.text, { ...known, ...monitorSearched(known, search) });
  return { next: { ...state, view: search.view, contacts }, last };
}

/** The author of a version as proved, or the rule that it breaks. */
export type Judgement = Pick<PastVersion, 'link' | 'fault'>;
const UNJUDGED: Judgement = { link: undefined, fault: undefined };

/** Returns a judge of one version by the version before it; versions that break a rule are its result. */
export function judgeOf(
  operation: Operation,
  identity: Identity,
  { view }: Pick<ClientState, 'view'>,
): (previous: ReadVersion | undefined, next: ReadVersion) => Promise<Judgement> {
  const { transport, trust } = operation;
  ensure(view !== undefined, 'internal', 'a verified lookup without a view');
  const recoveryWaited = recoveryWaitedIn({ transport, trust, identity, view, nowMs: headTime(operation) });
  const read = earlierVersions(transport, trust.config, identity.label);
  const context = { origin: trust.bundle.origin, label: identity.label, ports: CONTINUITY_PORTS, recoveryWaited };
  const ownersRecord = findOwnersRecord({ ...context, read });
  return async (previous, { version, record }) => {
    try {
      const link = await checkTransition({ ...context, version, previous, next: record, ownersRecord });
      return { link, fault: undefined };
    } catch (error) {
      if (!breaksChain(error)) throw error;
      return { link: undefined, fault: error };
    }
  };
}
