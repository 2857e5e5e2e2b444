import { type Codec, optional, struct, uint32, uint64, vector } from '../encoding/codec.ts';
import type { Configuration } from './configuration.ts';
import { type BinaryLadderStep, binaryLadderStepCodec } from './messages.ts';
import { type CombinedTreeProof, combinedTreeProofCodec } from './proofs.ts';
import { type FullTreeHead, fullTreeHeadCodec } from './tree-head.ts';
import { labelCodec } from './vrf-input.ts';

/**
 * Glasskey's own question: was `version` the greatest version of a label at two log entries (docs/spec.md#standing)?
 * Clients ask it about a recovery that came into effect.
 */
export interface StandingRequest {
  /** The size of the last tree that the client verified. */
  readonly last: number | undefined;
  readonly label: Uint8Array;
  readonly version: number;
  /** Two log entries, first < second. */
  readonly first: number;
  readonly second: number;
}

/** The encoding of {@link StandingRequest}. Throws `malformed-encoding` on untrusted bytes. */
export const standingRequestCodec: Codec<StandingRequest> = struct<StandingRequest>({
  last: optional(uint64),
  label: labelCodec,
  version: uint32,
  first: uint64,
  second: uint64,
});

/** The answer to a {@link StandingRequest}; untrusted until `verifyStanding` has verified it. */
export interface StandingResponse {
  readonly fullTreeHead: FullTreeHead;
  /** One step for each version of the base ladder of the request's version. */
  readonly binaryLadder: readonly BinaryLadderStep[];
  readonly standing: CombinedTreeProof;
}

/** {@link StandingResponse} of a log with this Configuration. */
export function standingResponseCodec(config: Configuration): Codec<StandingResponse> {
  return struct<StandingResponse>({
    fullTreeHead: fullTreeHeadCodec(config),
    binaryLadder: vector(binaryLadderStepCodec(config), 0, 0xff),
    standing: combinedTreeProofCodec,
  });
}
