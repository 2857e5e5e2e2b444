import { ensure, GlasskeyError } from '../errors.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import type { Configuration } from './configuration.ts';
import type { SearchEnd } from './greatest-version-search.ts';
import { frontier, pathTo } from './implicit-search-tree.ts';
import { isExpired } from './expiry.ts';
import {
  assertInspectable,
  type EvidencePlan,
  planEvidence,
  type PlannedEvidence,
  type ProofSource,
} from './plan-evidence.ts';
import type { CombinedTreeProof, PrefixProof } from './proofs.ts';
import { updateViewPositions } from './update-view.ts';
import { updateAndProveAbsence } from './verify-lookup.ts';
import { updateAndSearch, updateAndSearchVersion } from './verify-search.ts';

/** The parts of a lookup's answer, before any of them is fetched. */
export interface SearchPlan extends EvidencePlan {
  /** The versions of `binary_ladder`, in order; for a proof of absence, 0 alone. */
  readonly ladder: readonly number[];
  /**
   * The versions of the ladder, other than the target, that carry a commitment, because the proof shows their
   * inclusion.
   */
  readonly committed: readonly number[];
  /** The terminal log entry of the search; undefined for a proof of absence. */
  readonly terminalPosition: number | undefined;
}

/** A plan, or the positions whose timestamps must be fetched first. */
export type PlannedSearch =
  | { readonly done: true; readonly plan: SearchPlan }
  | { readonly done: false; readonly missing: readonly number[] };

/** The input of a search's plan. */
export interface PlanSearchOptions {
  readonly config: Configuration;
  readonly size: number;
  /** The client's size. */
  readonly last: number | undefined;
  /** The size of the auditor's head in the response, if there is one. */
  readonly auditedSize?: number | undefined;
  /** The log entries that added the label's versions 0, 1, 2…, ascending, all below `size`. */
  readonly versionPositions: readonly number[];
  readonly source: ProofSource;
}

/**
 * Plans the proof of a greatest-version search, or of absence if the label has no version (KT §12.3). It names all
 * missing timestamps that it may need at once. Throws `view-mismatch` unless `last` is in 1..`size`.
 */
export function planGreatestVersionSearch(options: PlanSearchOptions): PlannedSearch {
  const { config, size, last, versionPositions } = options;
  const greatest = versionPositions.length - 1;
  const planned = planEvidence<SearchEnd | undefined>({
    ...options,
    auditedSize: options.auditedSize,
    // Both algorithms request entries of the new frontier, besides those that update the view.
    likely: [...frontier(size), ...updateViewPositions(size, last)],
    algorithm: greatest < 0 ? updateAndProveAbsence(config, size, last) : updateAndSearch(config, size, last, greatest),
  });
  return searchPlan(planned, greatest < 0 ? [0] : baseBinaryLadder(greatest), greatest);
}

/**
 * Plans the proof of a search for one version (KT §7, §12.3). One fetch of timestamps suffices. Throws
 * `search-not-found` if the label does not have the version, `version-expired` if it can no longer be shown, and
 * `view-mismatch`.
 */
export function planFixedVersionSearch(options: PlanSearchOptions & { readonly version: number }): PlannedSearch {
  const { config, size, last, versionPositions, version, source } = options;
  ensure(version < versionPositions.length, 'search-not-found', `the label has no version ${version}`);
  // The search looks for the border between the entries that contain the next version and those to their left.
  const next = versionPositions[version + 1];
  const border = next === undefined ? [] : [...pathTo(next, size), ...pathTo(Math.max(next - 1, 0), size)];
  assertUnexpired(options, next);
  const planned = planEvidence<SearchEnd>({
    ...options,
    auditedSize: options.auditedSize,
    likely: [...frontier(size), ...updateViewPositions(size, last), ...border],
    algorithm: updateAndSearchVersion(config, size, last, version),
  });
  if (planned.done) assertInspectable(config, size, planned.evidence, source);
  return searchPlan(planned, baseBinaryLadder(version), version);
}

/** Throws `version-expired` if the version's successor is known to be so old that every unexpired entry contains it. */
function assertUnexpired({ config, size, source }: PlanSearchOptions, successor: number | undefined): void {
  const successorMs = successor === undefined ? undefined : source.timestamp(successor);
  const rightmostMs = source.timestamp(size - 1);
  if (successorMs === undefined || rightmostMs === undefined || !isExpired(config, successorMs, rightmostMs)) return;
  throw new GlasskeyError('version-expired', 'the version is past its lifetime');
}

function searchPlan(
  planned: PlannedEvidence<SearchEnd | undefined>,
  ladder: readonly number[],
  target: number,
): PlannedSearch {
  if (!planned.done) return planned;
  const { result, evidence, shown } = planned;
  return {
    done: true,
    plan: {
      ...evidence,
      ladder,
      committed: ladder.filter((version) => version !== target && shown.showedInclusion(version)),
      terminalPosition: result?.terminalPosition,
    },
  };
}

/** Assembles a proof from its plan and the fetched parts, each in the order of the plan. */
export function assembleCombinedProof(
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
