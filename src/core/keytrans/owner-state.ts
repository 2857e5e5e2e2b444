import { type Codec, optional, struct, uint32, uint64, vector } from '../encoding/codec.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import { type MonitorMapEntry, monitorMapCodec, monitorMapEntryCodec } from './contact-monitor-messages.ts';
import { type KnownVersion, knownVersionCodec } from './known-version.ts';
import { labelCodec } from './vrf-input.ts';

/**
 * The state that the owner of a label retains to monitor it (KT §8.3, §9.1). An owner that loses it has to begin again.
 */
export interface OwnerState {
  readonly label: Uint8Array;
  /** The rightmost distinguished log entry verified so far, or the one where ownership began. */
  readonly start: number;
  /** The label's greatest version at `start`; undefined if the label did not exist there. */
  readonly versionAtStart: number | undefined;
  /** Later log entries that created versions, ascending, each with its greatest one: verified, but not yet settled. */
  readonly upcoming: readonly MonitorMapEntry[];
  /** The contact monitoring map (KT §8.2): versions not yet proved to be in a distinguished entry. */
  readonly entries: readonly MonitorMapEntry[];
  /**
   * The search keys and commitments of the versions in future ladders, ascending. A commitment not yet shown by a proof
   * is the log's claim; proofs fail if it is false.
   */
  readonly ladder: readonly KnownVersion[];
}

/** The encoding in which a client stores an {@link OwnerState}. */
export const ownerStateCodec: Codec<OwnerState> = struct<OwnerState>({
  label: labelCodec,
  start: uint64,
  versionAtStart: optional(uint32),
  upcoming: vector(monitorMapEntryCodec, 0, 0xffff),
  entries: monitorMapCodec,
  ladder: vector(knownVersionCodec, 0, 0xffff),
});

/** Returns the greatest version that the owner knows. */
export function greatestKnown({ upcoming, versionAtStart }: OwnerState): number | undefined {
  return upcoming.at(-1)?.version ?? versionAtStart;
}

/** Returns the greatest version that the owner expects in a log entry at or after `start`. */
export function expectedAt({ upcoming, versionAtStart }: OwnerState, position: number): number | undefined {
  return upcoming.findLast((one) => one.position <= position)?.version ?? versionAtStart;
}

/** Returns the rightmost log entry up to which the owner knows the creation of every version. */
export function lastKnownEntry({ start, upcoming }: OwnerState): number {
  return upcoming.at(-1)?.position ?? start;
}

/** Drops the search keys that no future ladder looks up. */
export function withoutUnneeded(state: OwnerState): OwnerState {
  const targets = [state.versionAtStart ?? 0, ...[...state.upcoming, ...state.entries].map(({ version }) => version)];
  const needed = new Set(targets.flatMap((version) => baseBinaryLadder(version)));
  return { ...state, ladder: state.ladder.filter(({ version }) => needed.has(version)) };
}
