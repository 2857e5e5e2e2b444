import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import type { ContactMonitorRequest, ContactMonitorResponse, MonitorMapEntry } from './contact-monitor-messages.ts';
import { contactMonitoring, type MonitorEnd } from './contact-monitor.ts';
import type { Algorithm } from './evidence.ts';
import { assertMonitorable, type KnownVersion, ladderKeys } from './known-version.ts';
import { assertMonitorMap } from './monitor-map.ts';
import type { TreeView } from './tree-view.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';
import type { VerifyContext } from './verify-search.ts';

/** A contact's monitoring that found every version in place. */
export interface VerifiedContactMonitor {
  /** The view to retain instead of the advertised one. */
  readonly view: TreeView;
  /** The root of the log tree at `view.size`. */
  readonly logRoot: Uint8Array;
  /** The map to retain instead of the one sent: the entries still to be monitored. Empty once all are settled. */
  readonly entries: readonly MonitorMapEntry[];
  /** The rightmost distinguished log entry, if there is one yet. */
  readonly rightmostDistinguished: number | undefined;
}

/** Updates the view, then monitors (KT §12.3: always in this order). */
export function* updateAndMonitor(
  config: Configuration,
  size: number,
  last: number | undefined,
  entries: readonly MonitorMapEntry[],
): Algorithm<MonitorEnd> {
  yield* updateView(size, last);
  return yield* contactMonitoring({ size, windowMs: config.reasonableMonitoringWindowMs, entries });
}

/**
 * Verifies an untrusted `ContactMonitorResponse` (KT §13.2). `request.last` must be the size of `context.view`.
 * `ladder` is what the client retained of its searches (`VerifiedSearch.ladder`). The client stores nothing unless this
 * returns. Throws `usage` for a map whose ladders need more than `ladder` holds, and `invalid-request` for a malformed
 * map. Throws `version-rolled-back` if a log entry lacks a monitored version, and other verification errors.
 */
export function verifyContactMonitor(
  context: VerifyContext,
  request: ContactMonitorRequest,
  response: ContactMonitorResponse,
  ladder: readonly KnownVersion[],
): VerifiedContactMonitor {
  const { config, view, nowMs } = context;
  ensure(request.last === view?.size, 'usage', 'the request advertised another size than the view has');
  const { entries: monitored } = request;
  assertMonitorMap(monitored, view?.size ?? Number.POSITIVE_INFINITY);
  const keys = ladderKeys(ladder);
  assertMonitorable(
    keys,
    monitored.map(({ version }) => version),
  );
  const { size, auditedSize } = claimedSizes(config, response.fullTreeHead, view);
  const rightmost = monitored.at(-1)?.position ?? 0;
  ensure(rightmost < size, 'view-mismatch', `the log has no entry ${rightmost}, which the client was shown`);
  const proof = verifyCombined({
    proof: response.monitor,
    size,
    view,
    auditedSize,
    keys,
    algorithm: updateAndMonitor(config, size, view?.size, monitored),
  });
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: response.fullTreeHead, view, size, proof, frontier, nowMs });
  const { entries, rightmostDistinguished } = proof.result;
  return { view: newView, logRoot: proof.root, entries, rightmostDistinguished };
}
