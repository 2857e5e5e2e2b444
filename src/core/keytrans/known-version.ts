import { type Codec, optional, struct, uint32 } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import { monitoringBinaryLadder } from './binary-ladder.ts';
import { hashValueCodec } from './proofs.ts';
import type { LadderKeys } from './verify-combined.ts';

/** What a client knows of one version of a label (KT §8.1, §9.1). */
export interface KnownVersion {
  readonly version: number;
  /** Its search key. */
  readonly vrfOutput: Uint8Array;
  /** Undefined where no inclusion of the version was shown. */
  readonly commitment: Uint8Array | undefined;
}

/** How a client stores a {@link KnownVersion}. */
export const knownVersionCodec: Codec<KnownVersion> = struct<KnownVersion>({
  version: uint32,
  vrfOutput: hashValueCodec,
  commitment: optional(hashValueCodec),
});

/** Known versions by version. */
export function ladderKeys(ladder: readonly KnownVersion[]): LadderKeys {
  return new Map(ladder.map(({ version, vrfOutput, commitment }) => [version, { vrfOutput, commitment }]));
}

/** Checks that a client knows what the monitoring ladders of `versions` look up. Throws `usage`. */
export function assertMonitorable(keys: LadderKeys, versions: readonly number[]): void {
  for (const version of versions) {
    const known = monitoringBinaryLadder(version).every((step) => keys.get(step)?.commitment !== undefined);
    ensure(known, 'usage', `what is needed to monitor version ${version} was not retained`);
  }
}
