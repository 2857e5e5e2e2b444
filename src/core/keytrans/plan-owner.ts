import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { frontier, pathTo } from './implicit-search-tree.ts';
import { assertMonitoredPositions } from './monitor-map.ts';
import type { OwnerInitRequest } from './owner-init-messages.ts';
import type { OwnerMonitorRequest } from './owner-monitor-messages.ts';
import {
  assertInspectable,
  assertProvable,
  type EvidencePlan,
  planEvidence,
  type ProofSource,
} from './plan-evidence.ts';
import type { UpdateRequest } from './update-messages.ts';
import { updateViewPositions } from './update-view.ts';
import { ownerInitLadder, updateAndInit } from './verify-owner-init.ts';
import { updateAndMonitorOwned } from './verify-owner-monitor.ts';
import { ownerUpdateLadder, updateAndCheck } from './verify-owner-update.ts';

/** The input shared by all plans of an owner's operations. */
export interface OwnerPlanOptions {
  readonly config: Configuration;
  readonly size: number;
  /** The size of the auditor's head in the response, if there is one. */
  readonly auditedSize?: number | undefined;
  /** The log entries that added the label's versions 0, 1, 2…, ascending, all below `size`. */
  readonly versionPositions: readonly number[];
  readonly source: ProofSource;
}

/** The positions whose timestamps must be fetched before there can be a plan. */
export interface MissingTimestamps {
  readonly done: false;
  readonly missing: readonly number[];
}

/** A step of the response's `binary_ladder`. */
export interface PlannedStep {
  readonly version: number;
  /** True if the step carries the version's commitment. */
  readonly committed: boolean;
}

/** The plan of an {@link planOwnerInit | OwnerInitResponse}. */
export interface OwnerInitPlan extends EvidencePlan {
  readonly greatestVersions: readonly number[];
  readonly ladder: readonly PlannedStep[];
}

/** The plan of an {@link planOwnerUpdate | UpdateResponse}. */
export interface OwnerUpdatePlan extends EvidencePlan {
  readonly position: number;
  /** The versions in the response, ascending. */
  readonly created: readonly number[];
  readonly ladder: readonly PlannedStep[];
}

/** Returns the greatest version in a log entry; undefined if the label did not exist. */
function greatestAt(versionPositions: readonly number[], position: number): number | undefined {
  const greatest = versionPositions.findLastIndex((added) => added <= position);
  return greatest < 0 ? undefined : greatest;
}

/**
 * Plans the answer to an untrusted OwnerInitRequest (KT §13.3). Throws `invalid-request` if its start is not a
 * distinguished log entry, `version-expired` if that entry is past its lifetime.
 */
export function planOwnerInit(
  options: OwnerPlanOptions & { readonly request: Pick<OwnerInitRequest, 'last' | 'start'> },
): { readonly done: true; readonly plan: OwnerInitPlan } | MissingTimestamps {
  const { config, size, versionPositions, source, request } = options;
  const { last, start } = request;
  assertLast(last, size);
  ensure(start < size, 'invalid-request', `entry ${start} is not in a log of ${size}`);
  const planned = planEvidence({
    ...options,
    last,
    auditedSize: options.auditedSize,
    likely: [...frontier(size), ...updateViewPositions(size, last), ...pathTo(start, size)],
    algorithm: updateAndInit(config, last, {
      size,
      start,
      claimed: (_, position) => greatestAt(versionPositions, position),
      notDistinguished: 'invalid-request',
    }),
  });
  if (!planned.done) return planned;
  assertProvable(planned.evidence);
  assertInspectable(config, size, planned.evidence, source);
  const greatestVersions = planned.result.filter((version) => version !== undefined);
  const greatest = greatestVersions[0] ?? -1;
  const ladder = steps(ownerInitLadder(greatestVersions), greatest);
  return { done: true, plan: { ...planned.evidence, greatestVersions, ladder } };
}

/**
 * Plans the answer to an untrusted OwnerMonitorRequest (KT §13.4). Throws `invalid-request` if the request does not fit
 * this log. Throws `version-expired` if the answer would have to inspect a log entry past its lifetime.
 */
export function planOwnerMonitor(
  options: OwnerPlanOptions & { readonly request: Omit<OwnerMonitorRequest, 'label'> },
): { readonly done: true; readonly plan: EvidencePlan } | MissingTimestamps {
  const { config, size, versionPositions, source, request } = options;
  const { last, entries, start, greatestVersion } = request;
  assertLast(last, size);
  assertMonitoredPositions(entries, size, versionPositions);
  ensure(start < size, 'invalid-request', `entry ${start} is not in a log of ${size}`);
  const known = greatestVersion ?? -1;
  ensure(known < versionPositions.length, 'invalid-request', `the label has no version ${known}`);
  const atStart = greatestAt(versionPositions, start) ?? -1;
  ensure(known >= atStart, 'invalid-request', `version ${atStart} existed at entry ${start} already`);
  const planned = planEvidence({
    ...options,
    last,
    auditedSize: options.auditedSize,
    likely: [
      ...frontier(size),
      ...updateViewPositions(size, last),
      ...entries.flatMap(({ position }) => pathTo(position, size)),
      ...pathTo(start, size),
    ],
    algorithm: updateAndMonitorOwned(config, last, entries, {
      size,
      start,
      expectedAt: (position) => smaller(greatestAt(versionPositions, position), greatestVersion),
      greatest: greatestVersion,
    }),
  });
  if (!planned.done) return planned;
  assertProvable(planned.evidence);
  assertInspectable(config, size, planned.evidence, source);
  return { done: true, plan: planned.evidence };
}

/**
 * Plans an answer to an untrusted UpdateRequest without values (KT §13.5): the versions created by the log entry after
 * `greatestVersion`. Throws `search-not-found` if there is no newer version, `invalid-request` for a version that the
 * label does not have.
 */
export function planOwnerUpdate(
  options: OwnerPlanOptions & { readonly request: Pick<UpdateRequest, 'last' | 'greatestVersion'> },
): { readonly done: true; readonly plan: OwnerUpdatePlan } | MissingTimestamps {
  const { config, size, versionPositions, source, request } = options;
  const { last, greatestVersion: previous } = request;
  assertLast(last, size);
  const first = (previous ?? -1) + 1;
  ensure(first <= versionPositions.length, 'invalid-request', `the label has no version ${first - 1}`);
  const position = versionPositions[first];
  ensure(position !== undefined, 'search-not-found', 'no version was created since');
  const created = versionPositions.flatMap((added, version) =>
    added === position && version >= first ? [version] : [],
  );
  const knownTo = previous === undefined ? -1 : (versionPositions[previous] as number);
  const planned = planEvidence({
    ...options,
    last,
    auditedSize: options.auditedSize,
    likely: [
      ...frontier(size),
      ...updateViewPositions(size, last),
      ...pathTo(position, size),
      ...(position > 0 ? [...pathTo(position - 1, size), ...frontier(position)] : []),
    ],
    algorithm: updateAndCheck(config, last, {
      size,
      position,
      previous,
      knownTo,
      expectedAt: (entry) => greatestAt(versionPositions, entry),
      created,
    }),
  });
  if (!planned.done) return planned;
  assertProvable(planned.evidence);
  assertInspectable(config, size, planned.evidence, source);
  const ladder = steps(ownerUpdateLadder(previous, created), previous ?? -1);
  return { done: true, plan: { ...planned.evidence, position, created, ladder } };
}

/** Returns the smaller of two versions; undefined if either is undefined. */
function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.min(a, b);
}

function steps(versions: readonly number[], greatest: number): readonly PlannedStep[] {
  return versions.map((version) => ({ version, committed: version <= greatest }));
}

function assertLast(last: number | undefined, size: number): void {
  ensure(last === undefined || (last >= 1 && last <= size), 'invalid-request', `no log of ${last} entries was seen`);
}
