import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { contactMonitoring, type MonitorEnd } from './contact-monitor.ts';
import type { Algorithm } from './evidence.ts';
import { assertMonitorable, ladderKeys } from './known-version.ts';
import { addToMonitorMap } from './monitor-map.ts';
import type { OwnerMonitorRequest, OwnerMonitorResponse } from './owner-monitor-messages.ts';
import { ownerMonitoring, type OwnerMonitorEnd, type OwnerMonitorOptions } from './owner-monitor.ts';
import { expectedAt, greatestKnown, type OwnerState, withoutUnneeded } from './owner-state.ts';
import type { TreeView } from './tree-view.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';
import type { VerifyContext } from './verify-search.ts';

/** An owner's monitoring that found what the owner expects. */
export interface VerifiedOwnerMonitor {
  /** The view to retain instead of the advertised one. */
  readonly view: TreeView;
  /** The root of the log tree at `view.size`. */
  readonly logRoot: Uint8Array;
  /** The state to retain instead of the one sent. */
  readonly owner: OwnerState;
  /**
   * True if all distinguished entries are verified. Otherwise the log stopped before: ask again, and if it makes no
   * progress, ask for new versions (KT §9).
   */
  readonly complete: boolean;
}

/** Updates the view, monitors as a contact, then as an owner (KT §13.4: always in this order). */
export function* updateAndMonitorOwned(
  config: Configuration,
  last: number | undefined,
  entries: OwnerState['entries'],
  options: Omit<OwnerMonitorOptions, 'windowMs'>,
): Algorithm<{ readonly contact: MonitorEnd; readonly owned: OwnerMonitorEnd }> {
  const { size, start } = options;
  const windowMs = config.reasonableMonitoringWindowMs;
  yield* updateView(size, last);
  const contact = yield* contactMonitoring({ size, windowMs, entries, ownerStart: start });
  return { contact, owned: yield* ownerMonitoring({ ...options, windowMs }) };
}

/** Builds the request with which the owner of this state monitors the label. */
export function ownerMonitorRequest(owner: OwnerState, last: number | undefined): OwnerMonitorRequest {
  const { label, entries, start } = owner;
  return { last, label, entries, start, greatestVersion: greatestKnown(owner) };
}

/**
 * Verifies an untrusted `OwnerMonitorResponse` (KT §13.4) to {@link ownerMonitorRequest}`(owner, context.view?.size)`.
 * The client stores nothing unless this returns. Throws `unexpected-version` if a distinguished log entry holds a
 * version unknown to the owner, `version-rolled-back` if a version is missing, and other verification errors.
 */
export function verifyOwnerMonitor(
  context: VerifyContext,
  response: OwnerMonitorResponse,
  owner: OwnerState,
): VerifiedOwnerMonitor {
  const { config, view, nowMs } = context;
  const keys = ladderKeys(owner.ladder);
  assertMonitorable(
    keys,
    owner.entries.map(({ version }) => version),
  );
  const { size, auditedSize } = claimedSizes(config, response.fullTreeHead, view);
  const rightmost = Math.max(owner.start, owner.entries.at(-1)?.position ?? 0, owner.upcoming.at(-1)?.position ?? 0);
  ensure(rightmost < size, 'view-mismatch', `the log has no entry ${rightmost}, which the owner was shown`);
  const proof = verifyCombined({
    proof: response.monitor,
    size,
    view,
    auditedSize,
    keys,
    algorithm: updateAndMonitorOwned(config, view?.size, owner.entries, {
      size,
      start: owner.start,
      expectedAt: (position) => expectedAt(owner, position),
      greatest: greatestKnown(owner),
    }),
  });
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: response.fullTreeHead, view, size, proof, frontier, nowMs });
  const { contact, owned } = proof.result;
  return { view: newView, logRoot: proof.root, owner: settle(owner, contact, owned), complete: owned.complete };
}

/**
 * Returns the state after the distinguished entries up to `verified`. The versions that they hold need no more
 * monitoring.
 */
function settle(owner: OwnerState, contact: MonitorEnd, { verified }: OwnerMonitorEnd): OwnerState {
  let { entries } = contact;
  for (const { position, version, distinguished } of contact.awaiting) {
    if (distinguished > verified) entries = addToMonitorMap(entries, { position, version });
  }
  return withoutUnneeded({
    ...owner,
    start: verified,
    versionAtStart: expectedAt(owner, verified),
    upcoming: owner.upcoming.filter(({ position }) => position > verified),
    entries,
  });
}
