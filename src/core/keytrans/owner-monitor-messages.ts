import { type Codec, optional, struct, uint32, uint64 } from '../encoding/codec.ts';
import type { Configuration } from './configuration.ts';
import { type MonitorMapEntry, monitorMapCodec } from './contact-monitor-messages.ts';
import { type CombinedTreeProof, combinedTreeProofCodec } from './proofs.ts';
import { type FullTreeHead, fullTreeHeadCodec } from './tree-head.ts';
import { labelCodec } from './vrf-input.ts';

/** `OwnerMonitorRequest` (KT §13.4). */
export interface OwnerMonitorRequest {
  /** The size of the last tree that the client verified. */
  readonly last: number | undefined;
  readonly label: Uint8Array;
  /** The versions not yet proved to be in a distinguished log entry: ascending by position, without duplicates. */
  readonly entries: readonly MonitorMapEntry[];
  /** The rightmost distinguished log entry that the owner has verified. */
  readonly start: number;
  /** The greatest version that the owner knows. */
  readonly greatestVersion: number | undefined;
}

export const ownerMonitorRequestCodec: Codec<OwnerMonitorRequest> = struct<OwnerMonitorRequest>({
  last: optional(uint64),
  label: labelCodec,
  entries: monitorMapCodec,
  start: uint64,
  greatestVersion: optional(uint32),
});

/** `OwnerMonitorResponse` (KT §13.4). */
export interface OwnerMonitorResponse {
  readonly fullTreeHead: FullTreeHead;
  readonly monitor: CombinedTreeProof;
}

/** `OwnerMonitorResponse` of a log with this Configuration (KT §13.4). */
export function ownerMonitorResponseCodec(config: Configuration): Codec<OwnerMonitorResponse> {
  return struct<OwnerMonitorResponse>({ fullTreeHead: fullTreeHeadCodec(config), monitor: combinedTreeProofCodec });
}
