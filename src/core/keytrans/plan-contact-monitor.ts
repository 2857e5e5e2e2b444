import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import type { ContactMonitorRequest, MonitorMapEntry } from './contact-monitor-messages.ts';
import { frontier, pathTo } from './implicit-search-tree.ts';
import { assertMonitoredPositions } from './monitor-map.ts';
import {
  assertInspectable,
  assertProvable,
  type EvidencePlan,
  planEvidence,
  type ProofSource,
} from './plan-evidence.ts';
import { updateViewPositions } from './update-view.ts';
import { updateAndMonitor } from './verify-contact-monitor.ts';

/** The plan of a monitoring answer, or the positions whose timestamps must be fetched first. */
export type PlannedMonitor =
  | { readonly done: true; readonly plan: EvidencePlan; readonly entries: readonly MonitorMapEntry[] }
  | { readonly done: false; readonly missing: readonly number[] };

/**
 * Checks an untrusted ContactMonitorRequest (KT §13.2) to a log of `size` entries. `versionPositions` are the log
 * entries that added the label's versions 0, 1, 2…, all below `size`. Throws `invalid-request`.
 */
export function assertContactMonitorRequest(options: {
  readonly size: number;
  readonly versionPositions: readonly number[];
  readonly request: ContactMonitorRequest;
}): void {
  const { size, versionPositions, request } = options;
  const { last, entries } = request;
  ensure(last === undefined || (last >= 1 && last <= size), 'invalid-request', `no log of ${last} entries was seen`);
  assertMonitoredPositions(entries, size, versionPositions);
}

/**
 * Plans the answer to a request that passed {@link assertContactMonitorRequest}. One fetch of timestamps suffices.
 * Throws `invalid-request` if this log leads to no such map, or if the map needs more evidence than an answer can hold.
 * Throws `version-expired` if it has to inspect a log entry past its maximum lifetime.
 */
export function planContactMonitor(options: {
  readonly config: Configuration;
  readonly size: number;
  readonly last: number | undefined;
  /** The size of the auditor's head in the response, if there is one. */
  readonly auditedSize?: number | undefined;
  readonly entries: readonly MonitorMapEntry[];
  readonly versionPositions: readonly number[];
  readonly source: ProofSource;
}): PlannedMonitor {
  const { config, size, last, entries, source } = options;
  const planned = planEvidence({
    ...options,
    auditedSize: options.auditedSize,
    likely: [
      ...frontier(size),
      ...updateViewPositions(size, last),
      ...entries.flatMap(({ position }) => pathTo(position, size)),
    ],
    algorithm: updateAndMonitor(config, size, last, entries),
  });
  if (!planned.done) return planned;
  assertProvable(planned.evidence);
  assertInspectable(config, size, planned.evidence, source);
  return { done: true, plan: planned.evidence, entries: planned.result.entries };
}
