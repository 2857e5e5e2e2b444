import { type Codec, optional, struct, uint64 } from '../encoding/codec.ts';
import type { Configuration } from './configuration.ts';
import { type CombinedTreeProof, combinedTreeProofCodec } from './proofs.ts';
import { type FullTreeHead, fullTreeHeadCodec } from './tree-head.ts';

/** `DistinguishedRequest` (KT §13.6). */
export interface DistinguishedRequest {
  /** The size of the last tree that the client verified. */
  readonly last: number | undefined;
  /** The distinguished log entry at which the walk may stop: the client knows it and those to its left. */
  readonly stop: number | undefined;
}

export const distinguishedRequestCodec: Codec<DistinguishedRequest> = struct<DistinguishedRequest>({
  last: optional(uint64),
  stop: optional(uint64),
});

/** `DistinguishedResponse` (KT §13.6). */
export interface DistinguishedResponse {
  readonly fullTreeHead: FullTreeHead;
  readonly distinguished: CombinedTreeProof;
}

/** `DistinguishedResponse` of a log with this Configuration (KT §13.6). */
export function distinguishedResponseCodec(config: Configuration): Codec<DistinguishedResponse> {
  return struct<DistinguishedResponse>({
    fullTreeHead: fullTreeHeadCodec(config),
    distinguished: combinedTreeProofCodec,
  });
}
