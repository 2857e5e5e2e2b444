import { commit } from '../../core/crypto/commitment.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord, encodeIdentityRecord } from '../../identity/identity-record.ts';
import { fetchChain } from '../binding/fetch-chain.ts';
import type { Operation } from './operation.ts';

/** A version of a label with its record. */
export interface ReadVersion extends HeldVersion {
  /** The encoded record. */
  readonly value: Uint8Array;
}

/**
 * Returns the versions `first` to `latest.version` of a label, ascending. `latest` is verified; each earlier version
 * must open the commitment that its successor names (docs/spec.md#chain-of-versions). Throws `bad-chain` if the chain
 * does not close or is longer than a client follows; `bad-record`.
 */
export async function readVersions(
  { transport, trust }: Operation,
  { label }: Identity,
  first: number,
  latest: HeldVersion,
): Promise<readonly ReadVersion[]> {
  if (first > latest.version) return [];
  const links = await fetchChain(transport, trust.config, label, { first, end: latest.version });
  ensure(links.length === latest.version - first, 'bad-chain', 'versions of the label are missing');
  const opened = links.map(({ opening, value }, i): ReadVersion => {
    const version = first + i;
    const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
    return { version, commitment, record: decodeIdentityRecord(value), value };
  });
  const all = [...opened, { ...latest, value: encodeIdentityRecord(latest.record) }];
  for (const [i, { commitment, version }] of opened.entries()) {
    const successor = all[i + 1] as ReadVersion;
    const follows = equalBytes(successor.record.previousCommitment, commitment);
    ensure(follows, 'bad-chain', `version ${version} is not the one that its successor names`);
  }
  return all;
}
