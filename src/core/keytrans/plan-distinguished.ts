import type { Configuration } from './configuration.ts';
import { frontier, leftChild, rightChild, rootOf } from './implicit-search-tree.ts';
import { RECENT_HEADS } from './known-head.ts';
import { type EvidencePlan, planEvidence, type ProofSource } from './plan-evidence.ts';
import { updateViewPositions } from './update-view.ts';
import { updateAndWalk } from './verify-distinguished.ts';

/** The plan of a walk's answer, or the positions whose timestamps must be fetched first. */
export type PlannedDistinguished =
  | { readonly done: true; readonly plan: EvidencePlan; readonly heads: readonly number[] }
  | { readonly done: false; readonly missing: readonly number[] };

/**
 * Plans the answer to a DistinguishedRequest (KT §13.6). It names missing timestamps of a whole level of the walk at
 * once, so that it needs fewer fetches than the log has levels. Throws `view-mismatch` unless `last` is in 1..`size`.
 */
export function planDistinguished(options: {
  readonly config: Configuration;
  readonly size: number;
  readonly last: number | undefined;
  /** The size of the auditor's head in the response, if there is one. */
  readonly auditedSize?: number | undefined;
  readonly stop: number | undefined;
  readonly source: ProofSource;
}): PlannedDistinguished {
  const { config, size, last, stop, source } = options;
  const planned = planEvidence({
    ...options,
    auditedSize: options.auditedSize,
    versionPositions: [],
    likely: [...frontier(size), ...updateViewPositions(size, last), ...unknownEntries(config, size, stop, source)],
    algorithm: updateAndWalk(config, size, last, stop),
  });
  return planned.done ? { done: true, plan: planned.evidence, heads: planned.result } : planned;
}

/**
 * Returns the entries that the walk may reach and whose timestamps are unknown. Of each it adds the entries that the
 * walk reaches from there if they are all distinguished.
 */
function unknownEntries(
  config: Configuration,
  size: number,
  stop: number | undefined,
  source: ProofSource,
): readonly number[] {
  const unknown: number[] = [];
  const rightmostMs = source.timestamp(size - 1);
  if (rightmostMs === undefined) return unknown;
  let found = 0;
  const visit = (root: number, leftMs: number, rightMs: number): void => {
    if (rightMs - leftMs < config.reasonableMonitoringWindowMs) return;
    const timestampMs = source.timestamp(root);
    if (timestampMs === undefined) {
      for (let entry: number | undefined = root; entry !== undefined; entry = rightChild(entry, size))
        unknown.push(entry);
      return;
    }
    const right = rightChild(root, size);
    if (right !== undefined) visit(right, timestampMs, rightMs);
    if (found === RECENT_HEADS || (stop !== undefined && root <= stop)) return;
    found++;
    const left = leftChild(root);
    if (left !== undefined) visit(left, leftMs, timestampMs);
  };
  visit(rootOf(size), 0, rightmostMs);
  return unknown;
}
