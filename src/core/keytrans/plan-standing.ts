import { ensure } from '../errors.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import { assertInspectable, type EvidencePlan, planEvidence } from './plan-evidence.ts';
import type { PlanSearchOptions } from './plan-proof.ts';
import type { StandingRequest } from './standing-messages.ts';
import { updateAndStand } from './standing.ts';
import { updateViewPositions } from './update-view.ts';

/** The plan of a `StandingResponse`. */
export interface StandingPlan extends EvidencePlan {
  /** The versions of `binary_ladder`, in order. */
  readonly ladder: readonly number[];
  /** The versions of the ladder, other than the requested one, that carry a commitment. */
  readonly committed: readonly number[];
}

/**
 * Plans the answer to an untrusted StandingRequest (docs/spec.md#standing), or names the positions whose timestamps
 * must be fetched first. Throws `invalid-request` unless the positions are two entries of the log in order. Throws
 * `search-not-found` if the version was not the greatest at one of them. Throws `version-expired` and `view-mismatch`.
 */
export function planStanding(
  options: PlanSearchOptions & { readonly request: Omit<StandingRequest, 'label' | 'last'> },
):
  | { readonly done: true; readonly plan: StandingPlan }
  | { readonly done: false; readonly missing: readonly number[] } {
  const { config, size, last, versionPositions, request, source } = options;
  const { version, first, second } = request;
  ensure(first < second && second < size, 'invalid-request', 'the positions are not two log entries in order');
  const [added, replaced] = [versionPositions[version], versionPositions[version + 1]];
  const stood = added !== undefined && added <= first && (replaced === undefined || replaced > second);
  ensure(stood, 'search-not-found', `version ${version} was not the greatest at both log entries`);
  const planned = planEvidence({
    ...options,
    auditedSize: options.auditedSize,
    likely: [...updateViewPositions(size, last), first, second, size - 1],
    algorithm: updateAndStand(last, { size, version, first, second }),
  });
  if (!planned.done) return planned;
  assertInspectable(config, size, planned.evidence, source);
  const ladder = baseBinaryLadder(version);
  return { done: true, plan: { ...planned.evidence, ladder, committed: ladder.filter((one) => one < version) } };
}
