import { commit } from '../../core/crypto/commitment.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord, encodeIdentityRecord } from '../../identity/identity-record.ts';
import type { Unjudged } from '../../identity/first-look.ts';
import { MAX_VERSIONS_BACK } from '../../identity/owners-record.ts';
import { type ChainPart, fetchChainPart } from '../binding/fetch-chain.ts';
import type { Operation } from './operation.ts';

/** A version of a label with its record. */
export interface ReadVersion extends HeldVersion {
  /** The encoded record. */
  readonly value: Uint8Array;
}

/** Versions of a label that were read, or the reason why not all of them could be: see {@link Unjudged}. */
export type VersionsRead =
  | { readonly versions: readonly ReadVersion[]; readonly why?: undefined }
  | { readonly versions?: undefined; readonly why: Unjudged['why'] };

/**
 * Reads the versions `first` to `latest.version` of a label, ascending. `latest` is verified; each earlier version must
 * open the commitment that its successor names (docs/spec.md#chain-of-versions). Reads none if the chain does not
 * close, or is longer than a client follows. Throws `bad-record`.
 */
export async function readVersions(
  { transport, trust }: Operation,
  { label }: Identity,
  first: number,
  latest: HeldVersion,
): Promise<VersionsRead> {
  if (first > latest.version) return { versions: [] };
  try {
    const range = { first, end: latest.version };
    const { links, why } = await fetchChainPart(transport, trust.config, label, range);
    if (why !== 'whole') return { why: why === 'bound' ? 'bound' : 'not-shown' };
    return { versions: [...openBefore(label, first, links, latest), withValue(latest)] };
  } catch (error) {
    if (isGlasskeyError(error, 'bad-chain')) return { why: 'not-shown' };
    throw error;
  }
}

/** The bounds of {@link readVersionsBack}. */
export interface ReadBounds {
  /** Bytes of records: a read that begins below it is finished. */
  readonly bytes: number;
  readonly versions: number;
  readonly requests: number;
}

const READ_BOUNDS: ReadBounds = { bytes: 32 * 1024 * 1024, versions: MAX_VERSIONS_BACK, requests: 256 };
/** Versions that are asked for at a time. */
const PAGE = 16;

/** The versions up to a verified one, and those that were not read. */
export interface VersionsBack {
  /** Ascending. */
  readonly versions: readonly ReadVersion[];
  readonly unread: Unjudged | undefined;
}

/**
 * Returns the versions of a label up to `from`, which is verified, as far back as the bounds allow and the server
 * shows. Each must open the commitment that its successor names. Throws `bad-chain` if one does not; `bad-record`.
 */
export async function readVersionsBack(
  { transport, trust }: Operation,
  { label }: Identity,
  from: HeldVersion,
  bounds: ReadBounds = READ_BOUNDS,
): Promise<VersionsBack> {
  const descending: ReadVersion[] = [withValue(from)];
  let [bytes, requests, page] = [0, 0, PAGE];
  for (let later = from; later.version > 0;) {
    const last = later.version - 1;
    const isSpent = bytes >= bounds.bytes || descending.length >= bounds.versions || requests >= bounds.requests;
    if (isSpent || page < 1) {
      return { versions: descending.toReversed(), unread: { last, why: isSpent ? 'bound' : 'not-shown' } };
    }
    requests++;
    const first = Math.max(0, later.version - page);
    const part: ChainPart = await fetchChainPart(transport, trust.config, label, { first, end: later.version });
    ensure(part.why !== 'broken', 'bad-chain', 'a version of the label is not the one that its successor names');
    for (const { value } of part.links) bytes += value.length;
    if (part.why !== 'whole') {
      // A server refuses a whole page for one erased version.
      page = Math.floor(Math.min(page, later.version - first) / 2);
      continue;
    }
    const opened = openBefore(label, first, part.links, later);
    descending.push(...opened.toReversed());
    later = opened[0] ?? later;
  }
  return { versions: descending.toReversed(), unread: undefined };
}

function withValue(version: HeldVersion): ReadVersion {
  return { ...version, value: encodeIdentityRecord(version.record) };
}

/** Opens the versions from `first` on that come before `latest`. Throws `bad-chain`, `bad-record`. */
function openBefore(
  label: Uint8Array,
  first: number,
  links: ChainPart['links'],
  latest: HeldVersion,
): readonly ReadVersion[] {
  const opened = links.map(({ opening, value }, i): ReadVersion => {
    const version = first + i;
    const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
    return { version, commitment, record: decodeIdentityRecord(value), value };
  });
  for (const [i, { commitment, version }] of opened.entries()) {
    const successor = opened[i + 1] ?? latest;
    const follows = equalBytes(successor.record.previousCommitment, commitment);
    ensure(follows, 'bad-chain', `version ${version} is not the one that its successor names`);
  }
  return opened;
}
