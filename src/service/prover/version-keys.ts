import type { VrfResult } from '../../core/crypto/vrf-prover.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { MonitorMapEntry } from '../../core/keytrans/contact-monitor-messages.ts';
import type { KnownVersion } from '../../core/keytrans/known-version.ts';
import type { BinaryLadderStep } from '../../core/keytrans/messages.ts';
import type { OwnerState } from '../../core/keytrans/owner-state.ts';
import type { AskedLabel, LabelSource } from './asked-label.ts';

/** Search key and VRF proof of a version, and its commitment if the version exists. */
export type VersionKey = VrfResult & { readonly commitment: Uint8Array | undefined };

/** Search keys of the versions that an answer looks up or shows. */
export class VersionKeys {
  readonly #keys: ReadonlyMap<number, VersionKey>;

  constructor(keys: ReadonlyMap<number, VersionKey>) {
    this.#keys = keys;
  }

  /** Returns the key of a version that was read. Throws `storage-corrupt` for another. */
  get(version: number): VersionKey {
    const key = this.#keys.get(version);
    if (key === undefined) throw new GlasskeyError('storage-corrupt', `version ${version} of a label is missing`);
    return key;
  }

  /** Returns what a client retains of these versions. */
  known(versions: Iterable<number>): KnownVersion[] {
    return Array.from(versions, (version) => {
      const { output, commitment } = this.get(version);
      return { version, vrfOutput: output, commitment };
    });
  }

  /** Returns the steps of an answer's `binary_ladder`; those of `committed` carry their commitment. */
  steps(ladder: readonly number[], committed: ReadonlySet<number>): BinaryLadderStep[] {
    return ladder.map((version) => {
      const { proof, commitment } = this.get(version);
      return { proof, commitment: committed.has(version) ? commitment : undefined };
    });
  }
}

/** Returns the steps of an answer's `binary_ladder` as a plan of the core has them. */
export function plannedSteps(
  keys: VersionKeys,
  ladder: readonly { readonly version: number; readonly committed: boolean }[],
): BinaryLadderStep[] {
  const committed = new Set(ladder.filter((step) => step.committed).map(({ version }) => version));
  return keys.steps(
    ladder.map(({ version }) => version),
    committed,
  );
}

/** Keys for proofs without lookups. */
export const NO_KEYS = new VersionKeys(new Map());

/**
 * Reads the stored keys of a label's existing versions, in at most one round trip, and evaluates the VRF for the
 * others. Throws `storage-corrupt` if an existing version has no row.
 */
export async function readVersionKeys(
  { context: { store, vrf }, signal }: LabelSource,
  { label, labelKey, positions, greatest }: AskedLabel,
  versions: Iterable<number>,
): Promise<VersionKeys> {
  const asked = [...new Set(versions)];
  const absent = asked.filter((version) => version >= positions.length);
  const stored = asked.filter((version) => version < positions.length && version !== greatest?.version);
  const [rows, results] = await Promise.all([
    stored.length === 0 ? [] : store.readLadder(labelKey, stored),
    vrf.evaluate(label, absent, signal),
  ]);
  const keys = new Map<number, VersionKey>();
  for (const row of [greatest, ...rows]) {
    if (row === undefined) continue;
    keys.set(row.version, { output: row.vrfOutput, proof: row.vrfProof, commitment: row.commitment });
  }
  absent.forEach((version, i) => keys.set(version, { ...(results[i] as VrfResult), commitment: undefined }));
  return new VersionKeys(keys);
}

/** Builds what the owner that sent such a request retains, to verify its answer. */
export function ownerOf(
  { label, positions }: AskedLabel,
  known: {
    readonly start: number;
    readonly greatestVersion: number | undefined;
    readonly entries: readonly MonitorMapEntry[];
    readonly ladder: readonly KnownVersion[];
  },
): OwnerState {
  const { start, greatestVersion, entries, ladder } = known;
  const history = positions.slice(0, (greatestVersion ?? -1) + 1).map((position, version) => ({ position, version }));
  return {
    label,
    start,
    versionAtStart: history.findLast(({ position }) => position <= start)?.version,
    upcoming: history.filter(({ position }) => position > start),
    entries,
    ladder,
  };
}
