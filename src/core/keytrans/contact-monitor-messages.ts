import { type Codec, optional, struct, uint32, uint64, vector } from '../encoding/codec.ts';
import type { Configuration } from './configuration.ts';
import { type CombinedTreeProof, combinedTreeProofCodec } from './proofs.ts';
import { type FullTreeHead, fullTreeHeadCodec } from './tree-head.ts';
import { labelCodec } from './vrf-input.ts';

/** `MonitorMapEntry` (KT §13.2): a version still to be monitored, and the log entry where its monitoring begins. */
export interface MonitorMapEntry {
  readonly position: number;
  readonly version: number;
}

export const monitorMapEntryCodec: Codec<MonitorMapEntry> = struct<MonitorMapEntry>({
  position: uint64,
  version: uint32,
});

/** The greatest number of entries in one request. */
export const MAXIMUM_MONITOR_ENTRIES = 0xff;

/** The `entries` of a contact's or an owner's monitoring request (KT §13.2, §13.4). */
export const monitorMapCodec: Codec<readonly MonitorMapEntry[]> = vector(
  monitorMapEntryCodec,
  0,
  MAXIMUM_MONITOR_ENTRIES,
);

/** `ContactMonitorRequest` (KT §13.2). */
export interface ContactMonitorRequest {
  /** The size of the last tree that the client verified. */
  readonly last: number | undefined;
  readonly label: Uint8Array;
  /** Ascending by position; no position and no version twice. */
  readonly entries: readonly MonitorMapEntry[];
}

export const contactMonitorRequestCodec: Codec<ContactMonitorRequest> = struct<ContactMonitorRequest>({
  last: optional(uint64),
  label: labelCodec,
  entries: monitorMapCodec,
});

/** `ContactMonitorResponse` (KT §13.2). */
export interface ContactMonitorResponse {
  readonly fullTreeHead: FullTreeHead;
  readonly monitor: CombinedTreeProof;
}

/** `ContactMonitorResponse` of a log with this Configuration (KT §13.2). */
export function contactMonitorResponseCodec(config: Configuration): Codec<ContactMonitorResponse> {
  return struct<ContactMonitorResponse>({ fullTreeHead: fullTreeHeadCodec(config), monitor: combinedTreeProofCodec });
}
