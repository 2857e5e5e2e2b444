import { ensure } from '../errors.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import type { Configuration } from './configuration.ts';
import type { SearchEnd } from './greatest-version-search.ts';
import { frontier } from './implicit-search-tree.ts';
import { type EvidencePlan, planEvidence, type ProofSource } from './plan-evidence.ts';
import type { CombinedTreeProof, PrefixProof } from './proofs.ts';
import { updateViewPositions } from './update-view.ts';
import { updateAndProveAbsence } from './verify-lookup.ts';
import { updateAndSearch } from './verify-search.ts';

/** Everything that the answer to a lookup consists of, before any of it is fetched. */
export interface ProofPlan extends EvidencePlan {
  /** Versions of `binary_ladder`, in order; for a proof of absence 0 alone. */
  readonly ladder: readonly number[];
  /** Versions of the ladder whose inclusion the proof shows, other than the target: those that carry a commitment. */
  readonly committed: readonly number[];
  /** The terminal log entry of the search; undefined for a proof of absence. */
  readonly terminalPosition: number | undefined;
}

/** A plan, or the positions whose timestamps have to be fetched before there can be one. */
export type Planned =
  | { readonly done: true; readonly plan: ProofPlan }
  | { readonly done: false; readonly missing: readonly number[] };

/**
 * Plans the proof of a greatest-version search, or of absence where the label has no version (KT §12.3).
 *
 * `versionPositions` are the log entries that added the label's versions 0, 1, 2…, ascending, all below `size`; `last` is
 * the client's size. Where timestamps are missing, all that can be needed are named at once. Throws `view-mismatch` where
 * `last` is not in 1..`size`.
 */
export function planGreatestVersionSearch(options: {
  readonly config: Configuration;
  readonly size: number;
  readonly last: number | undefined;
  /** Size of the auditor's head in the response, if one is in it. */
  readonly auditedSize?: number | undefined;
  readonly versionPositions: readonly number[];
  readonly source: ProofSource;
}): Planned {
  const { config, size, last, versionPositions } = options;
  const greatest = versionPositions.length - 1;
  const planned = planEvidence<SearchEnd | undefined>({
    ...options,
    auditedSize: options.auditedSize,
    // Both algorithms ask for entries of the new frontier, besides those that update the view.
    likely: [...frontier(size), ...updateViewPositions(size, last)],
    algorithm: greatest < 0 ? updateAndProveAbsence(config, size, last) : updateAndSearch(config, size, last, greatest),
  });
  if (!planned.done) return planned;
  const { result, evidence, shown } = planned;
  const ladder = greatest < 0 ? [0] : baseBinaryLadder(greatest);
  return {
    done: true,
    plan: {
      ...evidence,
      ladder,
      committed: ladder.filter((version) => version !== greatest && shown.showedInclusion(version)),
      terminalPosition: result?.terminalPosition,
    },
  };
}

/** Puts a proof together from its plan and what was fetched for it, each in the order of the plan. */
export function assembleProof(
  plan: EvidencePlan,
  parts: {
    readonly prefixProofs: readonly PrefixProof[];
    readonly prefixRoots: readonly Uint8Array[];
    readonly logNodes: readonly Uint8Array[];
  },
): CombinedTreeProof {
  ensure(parts.prefixProofs.length === plan.lookups.length, 'internal', 'a prefix proof is missing');
  ensure(parts.prefixRoots.length === plan.prefixRootPositions.length, 'internal', 'a prefix root is missing');
  ensure(parts.logNodes.length === plan.logNodes.length, 'internal', 'a log node is missing');
  return {
    timestamps: plan.timestamps,
    prefixProofs: parts.prefixProofs,
    prefixRoots: parts.prefixRoots,
    inclusion: { elements: parts.logNodes },
  };
}
