import { commit } from '../../src/core/crypto/commitment.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { type Algorithm, retainedPositions, runAlgorithm } from '../../src/core/keytrans/evidence.ts';
import { walkLadder } from '../../src/core/keytrans/ladder-walk.ts';
import type { EvidencePlan, PlannedLookup } from '../../src/core/keytrans/plan-evidence.ts';
import type { PrefixLeaf, PrefixProof } from '../../src/core/keytrans/proofs.ts';
import { ShownLookups } from '../../src/core/keytrans/shown-lookups.ts';
import { batchCopath } from '../../src/core/log/log-tree.ts';
import { naiveProof, naiveRoot } from '../core/prefix/naive-prefix-tree.ts';
import { labelBytes, ReferenceLog, type ReferenceVersion } from './reference-log.ts';

/** Evidence, and what it shows. */
export interface LivePlan extends EvidencePlan {
  readonly shown: ShownLookups;
}

/** What a forged entry holds of one version of a label, against the label's history. */
export interface Forgery {
  readonly label: string;
  readonly version: number;
  /** Undefined where the entry lacks the version. */
  readonly commitment: Uint8Array | undefined;
}

/**
 * A log whose operator forges single entries: an entry's prefix tree is not that of the history, while later entries are
 * honest again. Its tree heads cover the forged entries; only whoever inspects one of them can notice.
 */
export class ForgedLog extends ReferenceLog {
  readonly #forged = new Map<number, readonly PrefixLeaf[]>();

  /** Forges the rightmost entry, before anybody has seen it. */
  forge({ label, version, commitment }: Forgery): void {
    const position = this.size - 1;
    const key = this.vrf(label, version).output;
    const isOther = (leaf: PrefixLeaf) => Buffer.compare(leaf.vrfOutput, key) !== 0;
    const leaves = (this.#forged.get(position) ?? this.#honestLeaves(position)).filter(isOther);
    if (commitment !== undefined) leaves.push({ vrfOutput: key, commitment });
    this.#forged.set(position, leaves);
    this.prefixRoots[position] = naiveRoot(leaves);
  }

  #honestLeaves(position: number): PrefixLeaf[] {
    return [...this.versions].flatMap(([label, versions]) =>
      versions.flatMap((one, version) =>
        one.position <= position ? [{ vrfOutput: this.vrf(label, version).output, commitment: one.commitment }] : [],
      ),
    );
  }

  /** Whether an entry's prefix tree holds a version: what its proofs will show. */
  holds(position: number, label: string, version: number): boolean {
    const key = this.vrf(label, version).output;
    const leaves = this.#forged.get(position) ?? this.#honestLeaves(position);
    return leaves.some((leaf) => Buffer.compare(leaf.vrfOutput, key) === 0);
  }

  /**
   * The evidence that an algorithm asks for, where each lookup comes out as the trees have it: the best that a prover of
   * forged entries can do. `stops` tells whether it stops an owner's monitoring before the next entry.
   */
  plan<T>(label: string, last: number | undefined, algorithm: Algorithm<T>, stops = (): boolean => false): LivePlan {
    const shown = new ShownLookups();
    const retained = new Set(retainedPositions(last));
    const timestamps = new Map<number, number>();
    const lookups: PlannedLookup[] = [];
    runAlgorithm(algorithm, (question) => {
      const { kind, position } = question;
      if (kind === 'go-on') return stops() ? 0 : 1;
      if (kind === 'known-ladder') return shown.recordKnown(question);
      if (kind === 'timestamp') {
        const timestampMs = this.timestamps[position]!;
        if (!retained.has(position)) timestamps.set(position, timestampMs);
        return timestampMs;
      }
      const walk = walkLadder(question, shown, (version) => this.holds(position, label, version));
      shown.recordAll(position, walk.lookups);
      lookups.push({ position, versions: walk.lookups.map(({ version }) => version) });
      return walk.answer;
    });
    const leaves = [...timestamps.keys()].sort((a, b) => a - b);
    const { size } = this;
    return {
      timestamps: [...timestamps.values()],
      lookups,
      prefixRootPositions: leaves.filter((position) => !lookups.some((lookup) => lookup.position === position)),
      logNodes: batchCopath({ size, leaves, retainedSize: last, auditedSize: undefined }),
      shown,
    };
  }

  override provePrefix(lookup: PlannedLookup, label: string): PrefixProof {
    const leaves = this.#forged.get(lookup.position);
    if (leaves === undefined) return super.provePrefix(lookup, label);
    const keys = lookup.versions.map((version) => this.vrf(label, version).output);
    return naiveProof(leaves, keys);
  }
}

/** A version of a label that its owner did not make. */
export function rogueVersion(label: string, version: number, position: number): ReferenceVersion {
  const opening = sha256(labelBytes(`rogue opening ${label} ${version}`)).slice(0, 16);
  const update = { value: labelBytes(`rogue value ${version} of ${label}`), signature: undefined };
  return { position, opening, update, commitment: commit({ opening, label: labelBytes(label), version, update }) };
}
