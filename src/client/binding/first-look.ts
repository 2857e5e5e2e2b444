import type { RecoveryWaited } from '../../identity/continuity.ts';
import type { EarlierVersions, Unjudged } from '../../identity/first-look.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';
import { fetchChain } from './fetch-chain.ts';

/** The reach and the cost of a client's first look at an identity. */
export interface FirstLook {
  /** Versions that nobody judged; show this to the user. Undefined if all were judged. */
  readonly unjudged: Unjudged | undefined;
  /** Bytes of the earlier versions that were fetched. They are no part of what proves the binding. */
  readonly bytes: number;
  /** Time that fetching and judging took, by the client's clock, ms. */
  readonly milliseconds: number;
}

/** Versions that a first look judges; one that is looked up by its number beside a known contact needs only itself. */
export const FIRST_LOOK_VERSIONS = 64;
/** A read that begins below it is finished, so a first look fetches at most one answer more. */
const MAX_BYTES = 1024 * 1024;
const MAX_READS = 16;
/** Proofs that a recovery waited. */
const MAX_PROOFS = 4;

/** Where a first look reads. */
export interface FirstLookContext {
  readonly transport: Transport;
  readonly trust: Trust;
  readonly identity: Identity;
  readonly recoveryWaited: RecoveryWaited;
  readonly now: () => number;
}

/** The bounded sources of one first look, and what it has cost. */
export interface BoundedLook {
  readonly earlier: EarlierVersions;
  readonly recoveryWaited: RecoveryWaited;
  /** Describes the look after it has ended. */
  describe(unjudged: Unjudged | undefined): FirstLook;
}

/**
 * Begins a first look at an identity. Whatever history a log shows, the look ends within these bounds, and what is
 * beyond them is not judged.
 */
export function boundedLook(
  { transport, trust, identity, recoveryWaited, now }: FirstLookContext,
  maximumVersions: number,
): BoundedLook {
  const startMs = now();
  let [bytes, reads, proofs, isSpent, isWithheld] = [0, 0, 0, false, false];
  const read: EarlierVersions['read'] = async (first, last) => {
    isSpent ||= bytes >= MAX_BYTES || reads === MAX_READS;
    if (isSpent) return [];
    reads++;
    const links = await fetchChain(transport, trust.config, identity.label, { first, end: last + 1 });
    isWithheld = links.length < last + 1 - first;
    for (const { value, opening } of links) bytes += value.length + opening.length;
    return links;
  };
  return {
    earlier: { read, maximumVersions, isSpent: () => isSpent, isWithheld: () => isWithheld },
    recoveryWaited: async (claim) => {
      isSpent ||= proofs === MAX_PROOFS;
      if (isSpent) return false;
      proofs++;
      return recoveryWaited(claim);
    },
    describe: (unjudged) => ({ unjudged, bytes, milliseconds: now() - startMs }),
  };
}
