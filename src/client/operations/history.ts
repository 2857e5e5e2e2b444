import { ensure, type GlasskeyError } from '../../core/errors.ts';
import { checkTransition } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { findOwnersRecord } from '../../identity/owners-record.ts';
import { breaksChain } from '../../identity/record-link.ts';
import { type BoundCertificate, type Provenance, verifyRecordCertificates } from '../binding/binding.ts';
import { earlierVersions } from '../binding/fetch-chain.ts';
import { recoveryWaitedIn } from '../binding/recovery-waited.ts';
import { CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import type { ClientState, OwnedOrigin, StateChange } from '../state/client-state.ts';
import { findIdentity } from './lookup.ts';
import { headTime, type Operation } from './operation.ts';
import { type ReadVersion, readVersions } from './read-versions.ts';

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
  /** Ascending from 0. */
  readonly versions: readonly PastVersion[];
}

/**
 * Returns every version of an identity, with its certificates and its proven author. The latest is proved to be the
 * greatest one in the log; each earlier one opens the commitment that its successor names. Each is judged by the one
 * before it. Throws `identity-not-found`, `bad-chain` if versions were erased or do not connect, and what a lookup
 * throws.
 */
export async function history(
  operation: Operation,
  state: ClientState,
  identity: Identity,
): Promise<StateChange<History>> {
  const { next, found } = await findIdentity(operation, state, identity);
  ensure(found !== undefined, 'identity-not-found', `${identity.text} is not registered`);
  const owned = next.owners.get(identity.text)?.versions ?? [];
  const versions: PastVersion[] = [];
  const judge = judgeOf(operation, identity, next);
  let previous: ReadVersion | undefined;
  for (const one of await readVersions(operation, identity, 0, found.latest)) {
    const { version, commitment, record } = one;
    const { current, expired } = await verifyRecordCertificates(record, identity, operation.trust, operation.now());
    const origin = owned.find((known) => known.version === version)?.origin;
    const certificates = [...current, ...expired];
    const judged = await judge(previous, one);
    versions.push({ version, commitment, ...judged, claimed: record.authorization, certificates, origin });
    previous = one;
  }
  return { next, result: { identity: identity.text, treeSize: next.view?.size ?? 0, versions } };
}

type Judgement = Pick<PastVersion, 'link' | 'fault'>;

/** Returns a judge of one version by the version before it. */
function judgeOf(
  operation: Operation,
  identity: Identity,
  { view }: ClientState,
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
