import { equalBytes } from '../encoding/bytes.ts';
import { type Codec, optional, struct, uint32 } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import { monitoringBinaryLadder } from './binary-ladder.ts';
import { hashValueCodec } from './proofs.ts';
import type { LadderKeys } from './verify-combined.ts';

/** A client's knowledge of one version of a label (KT §8.1, §9.1). */
export interface KnownVersion {
  readonly version: number;
  /** Its search key. */
  readonly vrfOutput: Uint8Array;
  /** Undefined if no inclusion of the version was shown. */
  readonly commitment: Uint8Array | undefined;
}

/** The encoding in which a client stores a {@link KnownVersion}. */
export const knownVersionCodec: Codec<KnownVersion> = struct<KnownVersion>({
  version: uint32,
  vrfOutput: hashValueCodec,
  commitment: optional(hashValueCodec),
});

/**
 * Merges a client's knowledge of a label's versions with the versions it was shown now, ascending by version. Throws
 * `bad-commitment` if a known version now has another commitment or another search key. The log then replaced a value
 * without a new version, which no proof of a later log entry reveals by itself.
 */
export function mergeKnownVersions(
  known: readonly KnownVersion[],
  shown: readonly KnownVersion[],
): readonly KnownVersion[] {
  const merged = new Map(known.map((entry) => [entry.version, entry]));
  for (const entry of shown) {
    const before = merged.get(entry.version);
    if (before === undefined || before.commitment === undefined) {
      merged.set(entry.version, entry);
    } else if (entry.commitment !== undefined) {
      const isSame = equalBytes(before.commitment, entry.commitment) && equalBytes(before.vrfOutput, entry.vrfOutput);
      ensure(isSame, 'bad-commitment', `version ${entry.version} of the label was replaced by another value`);
    }
  }
  return [...merged.values()].sort((a, b) => a.version - b.version);
}

/** Maps known versions by version. */
export function ladderKeys(ladder: readonly KnownVersion[]): LadderKeys {
  return new Map(ladder.map(({ version, vrfOutput, commitment }) => [version, { vrfOutput, commitment }]));
}

/** Throws `usage` unless a client knows all that the monitoring ladders of `versions` look up. */
export function assertMonitorable(keys: LadderKeys, versions: readonly number[]): void {
  for (const version of versions) {
    const known = monitoringBinaryLadder(version).every((step) => keys.get(step)?.commitment !== undefined);
    ensure(known, 'usage', `the ladder that monitors version ${version} was not retained`);
  }
}
