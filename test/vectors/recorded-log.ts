import { parseHex } from '../../src/core/encoding/bytes.ts';
import { frontier } from '../../src/core/keytrans/implicit-search-tree.ts';
import type { KnownVersion } from '../../src/core/keytrans/known-version.ts';
import type { EvidencePlan } from '../../src/core/keytrans/plan-evidence.ts';
import { assembleCombinedProof } from '../../src/core/keytrans/plan-proof.ts';
import type { CombinedTreeProof, PrefixLeaf } from '../../src/core/keytrans/proofs.ts';
import type { TreeView } from '../../src/core/keytrans/tree-view.ts';
import { fullSubtrees } from '../../src/core/log/log-tree.ts';
import { naiveProof, naiveRoot } from '../core/prefix/naive-prefix-tree.ts';
import { naiveNode, naiveRootOf } from '../support/naive-log-tree.ts';
import type { VectorCase } from './vector-file.ts';

/**
 * A log of one label, built again from what a case says of its entries and of the label's versions. Where the last version's
 * commitment is not among them, the rightmost entry's prefix root is the one that the recorded proof ends with.
 */
export class RecordedLog {
  readonly timestamps: readonly number[];
  /** The log entries that added each version. */
  readonly versionPositions: readonly number[];
  readonly known: readonly KnownVersion[];
  readonly #leaves: readonly (readonly PrefixLeaf[])[];
  readonly #entries: readonly { readonly timestampMs: number; readonly prefixRoot: Uint8Array }[];

  constructor({ input, expect: expected }: Pick<VectorCase, 'input' | 'expect'>) {
    const mutations = input.mutations as { add: { label: string }[] }[];
    this.timestamps = input.entry_timestamps;
    this.versionPositions = mutations.flatMap(({ add }, position) =>
      add.map((entry) => {
        if (entry.label !== input.label) throw new Error('a log of one label');
        return position;
      }),
    );
    const known = input.known_versions as { version: number; vrf_output: string; commitment?: string }[];
    this.known = known.map(({ version, vrf_output: vrfOutput, commitment }) => ({
      version,
      vrfOutput: parseHex(vrfOutput),
      commitment: commitment === undefined ? undefined : parseHex(commitment),
    }));
    this.#leaves = mutations.map((_, position) => this.#leavesAt(position));
    this.#entries = this.#leaves.map((leaves, position) => {
      const isComplete = leaves.every((leaf) => leaf.commitment !== undefined);
      const prefixRoot = isComplete ? naiveRoot([...leaves]) : parseHex(expected.prefix_roots.at(-1));
      return { timestampMs: this.timestamps[position]!, prefixRoot };
    });
  }

  #leavesAt(position: number): PrefixLeaf[] {
    const count = this.versionPositions.filter((added) => added <= position).length;
    return this.known.slice(0, count).map(({ vrfOutput, commitment }) => ({ vrfOutput, commitment: commitment! }));
  }

  root(size: number): Uint8Array {
    return naiveRootOf(this.#entries.slice(0, size));
  }

  /** What a client retains of the log when it had `size` entries, but for the signature of its head. */
  view(size: number): TreeView {
    const entries = this.#entries.slice(0, size);
    return {
      size,
      fullSubtrees: fullSubtrees(size).map((node) => naiveNode(entries, node)),
      frontier: frontier(size).map((position) => Object.assign({ position }, entries[position]!)),
      treeHead: { treeSize: size, signature: new Uint8Array(0) },
      auditorTreeHead: undefined,
    };
  }

  /** The proof that a plan asks for. */
  prove(plan: EvidencePlan): CombinedTreeProof {
    return assembleCombinedProof(plan, {
      prefixProofs: plan.lookups.map(({ position, versions }) => {
        const keys = versions.map((version) => this.known.find((known) => known.version === version)!.vrfOutput);
        return naiveProof([...this.#leaves[position]!], keys);
      }),
      prefixRoots: plan.prefixRootPositions.map((position) => this.#entries[position]!.prefixRoot),
      logNodes: plan.logNodes.map((node) => naiveNode(this.#entries, node)),
    });
  }
}
