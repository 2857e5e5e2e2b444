import { commit } from '../crypto/commitment.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import type { Algorithm } from './evidence.ts';
import { greatestVersionSearch, type SearchEnd } from './greatest-version-search.ts';
import type { KnownVersion } from './known-version.ts';
import { assertLadderCommitments, verifyLadder } from './ladder-keys.ts';
import type { SearchRequest, SearchResponse } from './messages.ts';
import type { TreeView } from './tree-view.ts';
import { verifyUpdateValue } from './update-signature.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';

export type { KnownVersion } from './known-version.ts';

/** What a client knows when it verifies a response. */
export interface VerifyContext {
  readonly config: Configuration;
  /** What it retained of the head that it advertised as `last`; undefined where it advertised none. */
  readonly view: TreeView | undefined;
  readonly nowMs: number;
}

/** A search response that holds. */
export interface VerifiedSearch {
  /** To be retained in the place of the view that was advertised. */
  readonly view: TreeView;
  readonly version: number;
  readonly value: Uint8Array;
  readonly opening: Uint8Array;
  readonly commitment: Uint8Array;
  /** VRF output of version 0 of the label. */
  readonly labelKey: Uint8Array;
  /** The versions of the target's binary ladder: retained by whoever monitors the version or owns the label. */
  readonly ladder: readonly KnownVersion[];
  /** Root of the log tree at `view.size`. */
  readonly logRoot: Uint8Array;
  /** The terminal log entry of the search (KT §6.3). */
  readonly terminalPosition: number;
  /** The rightmost distinguished log entry, if there is one yet. */
  readonly rightmostDistinguished: number | undefined;
  /** Whether the client must monitor the version from now on (KT §6.3): contact monitoring, right of the distinguished. */
  readonly mustMonitor: boolean;
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

/**
 * Verifies an untrusted `SearchResponse` to a greatest-version search (KT §13.1). Nothing is to be stored, and nothing
 * used, unless this returns. Throws a verification error. `request.last` must be the size of `context.view`.
 */
export function verifySearch(context: VerifyContext, request: SearchRequest, response: SearchResponse): VerifiedSearch {
  const { config, view, nowMs } = context;
  ensure(request.last === view?.size, 'usage', 'the request advertised another size than the view has');
  if (request.version !== undefined) {
    throw new GlasskeyError('unsupported-operation', 'fixed-version search is not supported');
  }
  const { version } = response;
  ensure(version !== undefined, 'version-mismatch', 'the response names no version');
  const { label } = request;
  const { opening, value } = response;
  verifyUpdateValue(config, label, version, value);
  const commitment = commit({ opening, label, version, update: value });
  const { keys, labelKey } = verifyLadder(config, label, version, response.binaryLadder, commitment);
  const { size, auditedSize } = claimedSizes(config, response.fullTreeHead, view);
  const proof = verifyCombined({
    proof: response.search,
    size,
    view,
    auditedSize,
    keys,
    algorithm: updateAndSearch(config, size, view?.size, version),
  });
  assertLadderCommitments(version, response.binaryLadder, proof.shown);
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: response.fullTreeHead, view, size, proof, frontier, nowMs });
  const { terminalPosition, rightmostDistinguished } = proof.result;
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
    mustMonitor: config.mode === 'contactMonitoring' && terminalPosition > (rightmostDistinguished ?? -1),
  };
}
