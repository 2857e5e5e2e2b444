import { ensure } from '../../core/errors.ts';
import type { Authorization } from '../../identity/authorization.ts';
import type { Identity } from '../../identity/identity.ts';
import { type BoundCertificate, verifyRecordCertificates } from '../binding/binding.ts';
import type { ClientState, OwnedOrigin, StateChange } from '../state/client-state.ts';
import { findIdentity } from './lookup.ts';
import { readVersions } from './read-versions.ts';
import type { Operation } from './operation.ts';

/** One version of an identity. */
export interface PastVersion {
  readonly version: number;
  /** 32 bytes. */
  readonly commitment: Uint8Array;
  /** The authorisation of the version. */
  readonly authorization: Authorization;
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
 * Returns every version of an identity, with its certificates and authorisation. The latest is proved to be the
 * greatest one in the log; each earlier one opens the commitment that its successor names. Throws `identity-not-found`,
 * `bad-chain` if versions were erased or do not connect, and what a lookup throws.
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
  for (const { version, commitment, record } of await readVersions(operation, identity, 0, found.latest)) {
    const { current, expired } = await verifyRecordCertificates(record, identity, operation.trust, operation.now());
    const origin = owned.find((one) => one.version === version)?.origin;
    const certificates = [...current, ...expired];
    versions.push({ version, commitment, authorization: record.authorization, certificates, origin });
  }
  return { next, result: { identity: identity.text, treeSize: next.view?.size ?? 0, versions } };
}
