import { type Codec, optional, struct, uint32, uint64, vector } from '../encoding/codec.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import { type MonitorMapEntry, monitorMapCodec, monitorMapEntryCodec } from './contact-monitor-messages.ts';
import { type KnownVersion, knownVersionCodec } from './known-version.ts';
import { labelCodec } from './vrf-input.ts';

/** What the owner of a label retains to monitor it (KT §8.3, §9.1). Whoever loses it has to begin anew. */
export interface OwnerState {
  readonly label: Uint8Array;
  /** The rightmost distinguished log entry that was verified, or where ownership began. */
  readonly start: number;
  /** The label's greatest version at `start`; undefined where it did not exist. */
  readonly versionAtStart: number | undefined;
  /** Later log entries that created versions, ascending, each with its greatest one: verified, but not yet settled. */
  readonly upcoming: readonly MonitorMapEntry[];
  /** The contact monitoring map (KT §8.2): versions not yet proved to be in a distinguished entry. */
  readonly entries: readonly MonitorMapEntry[];
  /**
   * Search keys and commitments of the versions in the ladders that are still to come, ascending. A commitment that no
   * proof has shown yet is as the log gave it; proofs fail if it is false.
   */
  readonly ladder: readonly KnownVersion[];
}

/** How a client stores an {@link OwnerState}. */
export const ownerStateCodec: Codec<OwnerState> = struct<OwnerState>({
  label: labelCodec,
  start: uint64,
  versionAtStart: optional(uint32),
  upcoming: vector(monitorMapEntryCodec, 0, 0xffff),
  entries: monitorMapCodec,
  ladder: vector(knownVersionCodec, 0, 0xffff),
});

/** The greatest version that the owner knows of. */
export function greatestKnown({ upcoming, versionAtStart }: OwnerState): number | undefined {
  return upcoming.at(-1)?.version ?? versionAtStart;
}

/** The greatest version that the owner expects in a log entry at or after `start`. */
export function expectedAt({ upcoming, versionAtStart }: OwnerState, position: number): number | undefined {
  return upcoming.findLast((one) => one.position <= position)?.version ?? versionAtStart;
}

/** The rightmost log entry up to which the owner knows when each version was created. */
export function lastKnownEntry({ start, upcoming }: OwnerState): number {
  return upcoming.at(-1)?.position ?? start;
}

/** The state without search keys that no further ladder looks up. */
export function withoutUnneeded(state: OwnerState): OwnerState {
  const targets = [state.versionAtStart ?? 0, ...[...state.upcoming, ...state.entries].map(({ version }) => version)];
  const needed = new Set(targets.flatMap((version) => baseBinaryLadder(version)));
  return { ...state, ladder: state.ladder.filter(({ version }) => needed.has(version)) };
}
