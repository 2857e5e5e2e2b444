import { commit } from '../crypto/commitment.ts';
import { ensure } from '../errors.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import type { Configuration } from './configuration.ts';
import type { MonitorMapEntry } from './contact-monitor-messages.ts';
import type { Algorithm } from './evidence.ts';
import { fixedVersionSearch } from './fixed-version-search.ts';
import { greatestVersionSearch, type SearchEnd } from './greatest-version-search.ts';
import type { KnownVersion } from './known-version.ts';
import { assertLadderCommitments, verifyLadder } from './ladder-keys.ts';
import type { SearchRequest, SearchResponse } from './messages.ts';
import type { ShownLookups } from './shown-lookups.ts';
import type { TreeView } from './tree-view.ts';
import { verifyUpdateValue } from './update-signature.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';

export type { KnownVersion } from './known-version.ts';

/** The client's knowledge when it verifies a response. */
export interface VerifyContext {
  readonly config: Configuration;
  /** The view of the head that the client advertised as `last`; undefined if it advertised none. */
  readonly view: TreeView | undefined;
  readonly nowMs: number;
}

/** A verified search response. */
export interface VerifiedSearch {
  /** The view to retain instead of the advertised one. */
  readonly view: TreeView;
  readonly version: number;
  readonly value: Uint8Array;
  readonly opening: Uint8Array;
  readonly commitment: Uint8Array;
  /** The VRF output of version 0 of the label. */
  readonly labelKey: Uint8Array;
  /** The versions of the target's binary ladder, for a client that monitors the version or owns the label to retain. */
  readonly ladder: readonly KnownVersion[];
  /** The root of the log tree at `view.size`. */
  readonly logRoot: Uint8Array;
  /** The terminal log entry of the search (KT §6.3, §7.2). */
  readonly terminalPosition: number;
  /** The rightmost distinguished log entry, if there is one yet. */
  readonly rightmostDistinguished: number | undefined;
  /**
   * True if the client must monitor the label from now on (KT §6.3): with contact monitoring, if the terminal entry is
   * right of the rightmost distinguished one.
   */
  readonly mustMonitor: boolean;
  /**
   * The entry for the client's monitoring map, if it must monitor: the terminal entry, with the greatest version shown
   * in it. After a fixed-version search that version can be greater than `version`; `ladder` then holds all that its
   * monitoring needs (docs/spec.md#what-a-search-leaves-to-monitor).
   */
  readonly monitor: MonitorMapEntry | undefined;
}

/** Updates the view, then searches for the greatest version (KT §12.3: always in this order). */
export function* updateAndSearch(
  config: Configuration,
  size: number,
  last: number | undefined,
  target: number,
): Algorithm<SearchEnd> {
  yield* updateView(size, last);
  return yield* greatestVersionSearch(size, config.reasonableMonitoringWindowMs, target);
}

/** Updates the view, then searches for one version (KT §12.3: always in this order). */
export function* updateAndSearchVersion(
  config: Configuration,
  size: number,
  last: number | undefined,
  target: number,
): Algorithm<SearchEnd> {
  yield* updateView(size, last);
  return yield* fixedVersionSearch(config, size, target);
}

/**
 * Verifies an untrusted `SearchResponse` (KT §13.1) to a search for the greatest version or for the one that the
 * request names. `request.last` must be the size of `context.view`. The client stores and uses nothing unless this
 * returns. Throws a verification error, or `version-expired` if the response shows only that.
 */
export function verifySearch(context: VerifyContext, request: SearchRequest, response: SearchResponse): VerifiedSearch {
  const { config, view, nowMs } = context;
  ensure(request.last === view?.size, 'usage', 'the request advertised another size than the view has');
  const { label } = request;
  const { opening, value } = response;
  const version = targetVersion(request, response);
  verifyUpdateValue(config, label, version, value);
  const commitment = commit({ opening, label, version, update: value });
  const { keys, labelKey } = verifyLadder(config, label, version, response.binaryLadder, commitment);
  const { size, auditedSize } = claimedSizes(config, response.fullTreeHead, view);
  const search = request.version === undefined ? updateAndSearch : updateAndSearchVersion;
  const proof = verifyCombined({
    proof: response.search,
    size,
    view,
    auditedSize,
    keys,
    algorithm: search(config, size, view?.size, version),
  });
  assertLadderCommitments(version, response.binaryLadder, proof.shown);
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: response.fullTreeHead, view, size, proof, frontier, nowMs });
  const { terminalPosition, rightmostDistinguished } = proof.result;
  const mustMonitor = config.mode === 'contactMonitoring' && terminalPosition > (rightmostDistinguished ?? -1);
  return {
    view: newView,
    version,
    value: value.value,
    opening,
    commitment,
    labelKey,
    ladder: Array.from(keys, ([known, { vrfOutput, commitment: shown }]) => {
      return { version: known, vrfOutput, commitment: shown };
    }),
    logRoot: proof.root,
    terminalPosition,
    rightmostDistinguished,
    mustMonitor,
    monitor: mustMonitor ? shownAt(terminalPosition, version, proof.shown) : undefined,
  };
}

/** Returns the version that a search is for. Throws `version-mismatch`. */
function targetVersion(request: SearchRequest, response: SearchResponse): number {
  const version = request.version ?? response.version;
  ensure(version !== undefined, 'version-mismatch', 'the response names no version');
  const unasked = request.version !== undefined && response.version !== undefined;
  ensure(!unasked, 'version-mismatch', 'the response names a version though the request did');
  return version;
}

/**
 * Returns the greatest version that a search for `target` showed in its terminal entry: the target, or the version that
 * ended the ladder.
 */
function shownAt(position: number, target: number, shown: ShownLookups): MonitorMapEntry {
  const above = baseBinaryLadder(target).find((version) => {
    return version > target && shown.leftmostInclusion(version) === position;
  });
  return { position, version: above ?? target };
}
