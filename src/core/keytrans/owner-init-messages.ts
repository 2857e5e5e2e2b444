import { type Codec, optional, struct, uint32, uint64, vector } from '../encoding/codec.ts';
import type { Configuration } from './configuration.ts';
import { type BinaryLadderStep, binaryLadderStepCodec } from './messages.ts';
import { type CombinedTreeProof, combinedTreeProofCodec } from './proofs.ts';
import { type FullTreeHead, fullTreeHeadCodec } from './tree-head.ts';
import { labelCodec } from './vrf-input.ts';

/** `OwnerInitRequest` (KT §13.3). */
export interface OwnerInitRequest {
  /** The size of the last tree that the client verified. */
  readonly last: number | undefined;
  readonly label: Uint8Array;
  /** The unexpired distinguished log entry where ownership begins. */
  readonly start: number;
}

export const ownerInitRequestCodec: Codec<OwnerInitRequest> = struct<OwnerInitRequest>({
  last: optional(uint64),
  label: labelCodec,
  start: uint64,
});

/** `OwnerInitResponse` (KT §13.3). */
export interface OwnerInitResponse {
  readonly fullTreeHead: FullTreeHead;
  /** The label's greatest version in each inspected log entry, up to the first entry without the label. */
  readonly greatestVersions: readonly number[];
  /** One step for each version of the ladders, ascending by version. */
  readonly binaryLadder: readonly BinaryLadderStep[];
  readonly init: CombinedTreeProof;
}

/** `OwnerInitResponse` of a log with this Configuration (KT §13.3). */
export function ownerInitResponseCodec(config: Configuration): Codec<OwnerInitResponse> {
  return struct<OwnerInitResponse>({
    fullTreeHead: fullTreeHeadCodec(config),
    greatestVersions: vector(uint32, 0, 0xff),
    binaryLadder: vector(binaryLadderStepCodec(config), 0, 0xffff),
    init: combinedTreeProofCodec,
  });
}
