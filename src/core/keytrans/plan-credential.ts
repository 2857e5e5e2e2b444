import { ensure } from '../errors.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import type { Configuration } from './configuration.ts';
import type { CredentialRequest, CredentialUpdateRequest } from './credential.ts';
import { isDistinguished, runOnTimestamps } from './distinguished.ts';
import { isExpired } from './expiry.ts';
import { frontier, pathTo } from './implicit-search-tree.ts';
import {
  assertInspectable,
  type EvidencePlan,
  planEvidence,
  type PlannedLookup,
  type ProofSource,
} from './plan-evidence.ts';
import { planGreatestVersionSearch, type SearchPlan } from './plan-proof.ts';
import { updateAndClimb } from './settle-credential.ts';
import { updateViewPositions } from './update-view.ts';

/** The parts of a credential, before any of them is fetched. */
export type CredentialPlan = {
  /** The greatest version of the label. */
  readonly version: number;
  /** The versions of `binary_ladder`, in order. */
  readonly ladder: readonly number[];
  /** The versions of the ladder, other than the greatest version, that carry a commitment. */
  readonly committed: readonly number[];
} & (
  | { readonly type: 'standard'; readonly lookup: PlannedLookup }
  /** `plan` is for a client of `position + 1` entries, without an auditor. */
  | { readonly type: 'provisional'; readonly plan: SearchPlan }
);

/** A plan, or the positions whose timestamps must be fetched first. */
export type PlannedCredential =
  | { readonly done: true; readonly plan: CredentialPlan }
  | { readonly done: false; readonly missing: readonly number[] };

/** The input of the plans in this file. */
export interface PlanCredentialOptions {
  readonly config: Configuration;
  readonly size: number;
  /** The log entries that added the label's versions 0, 1, 2…, ascending, all below `size`. */
  readonly versionPositions: readonly number[];
  readonly source: ProofSource;
}

/**
 * Plans the credential of a label's greatest version, verified against the distinguished entry at the untrusted
 * `request.position` (KT §14). It is standard if that entry contains the version, otherwise provisional. Throws
 * `search-not-found` if the label has no version, `invalid-request` if the entry is not distinguished, and
 * `version-expired` if it is past its maximum lifetime.
 */
export function planCredential(
  options: PlanCredentialOptions & { readonly request: Pick<CredentialRequest, 'position'> },
): PlannedCredential {
  const { size, versionPositions, request, source } = options;
  const { position } = request;
  const version = versionPositions.length - 1;
  ensure(version >= 0, 'search-not-found', 'the label is not in the log');
  ensure(position < size, 'invalid-request', `entry ${position} is not in the log`);
  const likely = [...pathTo(position, size), ...frontier(size), ...updateViewPositions(size, position + 1)];
  const missing = unknown(likely, source);
  if (missing.length > 0) return { done: false, missing };
  assertDistinguished(options, position);

  const ladder = baseBinaryLadder(version);
  if ((versionPositions[version] as number) <= position) {
    const committed = ladder.filter((looked) => looked < version);
    return {
      done: true,
      plan: { type: 'standard', version, ladder, committed, lookup: { position, versions: ladder } },
    };
  }
  const planned = planGreatestVersionSearch({ ...options, last: position + 1, auditedSize: undefined });
  if (!planned.done) return planned;
  const { committed } = planned.plan;
  return { done: true, plan: { type: 'provisional', version, ladder, committed, plan: planned.plan } };
}

/** A plan of a CredentialUpdate, or the positions whose timestamps must be fetched first. */
export type PlannedCredentialUpdate =
  | { readonly done: true; readonly plan: EvidencePlan }
  | { readonly done: false; readonly missing: readonly number[] };

/**
 * Plans the CredentialUpdate for an untrusted request (KT §14.2). The proof is for a log of `request.distinguished + 1`
 * entries. Throws `invalid-request` unless the request names a credential that this log may have issued and a later
 * distinguished entry. Throws `version-expired`.
 */
export function planCredentialUpdate(
  options: PlanCredentialOptions & { readonly request: Omit<CredentialUpdateRequest, 'label'> },
): PlannedCredentialUpdate {
  const { config, size, versionPositions, request, source } = options;
  const { version, treeSize, terminal, distinguished } = request;
  const first = versionPositions[version];
  ensure(
    terminal < treeSize && treeSize <= distinguished && distinguished < size,
    'invalid-request',
    'no credential leads from that log entry to that one',
  );
  ensure(first !== undefined && first <= terminal, 'invalid-request', `entry ${terminal} lacks version ${version}`);
  const updated = distinguished + 1;
  const likely = [
    size - 1,
    ...pathTo(distinguished, size),
    ...frontier(updated),
    ...updateViewPositions(updated, treeSize),
    ...pathTo(terminal, updated),
  ];
  const missing = unknown(likely, source);
  if (missing.length > 0) return { done: false, missing };
  assertDistinguished(options, distinguished);
  const planned = planEvidence({
    size: updated,
    last: treeSize,
    auditedSize: undefined,
    versionPositions: versionPositions.filter((position) => position < updated),
    source,
    likely: [],
    algorithm: updateAndClimb(config, request),
  });
  if (!planned.done) return planned;
  assertInspectable(config, size, planned.evidence, source);
  return { done: true, plan: planned.evidence };
}

function unknown(positions: readonly number[], source: ProofSource): number[] {
  return [...new Set(positions)].filter((position) => source.timestamp(position) === undefined);
}

/** Checks that an entry is distinguished and unexpired. The timestamps on the way to it must be available. */
function assertDistinguished({ config, size, source }: PlanCredentialOptions, position: number): void {
  const timestampOf = (entry: number): number => source.timestamp(entry) as number;
  const walk = isDistinguished(position, size, config.reasonableMonitoringWindowMs);
  ensure(runOnTimestamps(walk, timestampOf), 'invalid-request', `entry ${position} is not distinguished`);
  const expired = isExpired(config, timestampOf(position), timestampOf(size - 1));
  ensure(!expired, 'version-expired', `entry ${position} is past its lifetime`);
}
