import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import type { DistinguishedRequest, DistinguishedResponse } from './distinguished-messages.ts';
import { distinguishedWalk } from './distinguished-walk.ts';
import type { Algorithm } from './evidence.ts';
import { type KnownHead, knownHead } from './known-head.ts';
import type { TreeView } from './tree-view.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';
import type { VerifyContext } from './verify-search.ts';

/** A verified walk of the recent distinguished log entries. */
export interface VerifiedDistinguished {
  /** The view to retain instead of the advertised one. */
  readonly view: TreeView;
  /** The root of the log tree at `view.size`. */
  readonly logRoot: Uint8Array;
  /**
   * The recent distinguished entries right of `stop`, left to right. The caller merges them with the known ones by
   * `recentHeads`.
   */
  readonly heads: readonly KnownHead[];
}

/** Updates the view, then walks the distinguished entries (KT §12.3: always in this order). */
export function* updateAndWalk(
  config: Configuration,
  size: number,
  last: number | undefined,
  stop: number | undefined,
): Algorithm<readonly number[]> {
  yield* updateView(size, last);
  return yield* distinguishedWalk(config, size, stop);
}

/**
 * Verifies an untrusted `DistinguishedResponse` (KT §13.6). `request.last` must be the size of `context.view`. The
 * client stores nothing unless this returns. Throws a verification error.
 */
export function verifyDistinguished(
  context: VerifyContext,
  request: DistinguishedRequest,
  response: DistinguishedResponse,
): VerifiedDistinguished {
  const { config, view, nowMs } = context;
  ensure(request.last === view?.size, 'usage', 'the request advertised another size than the view has');
  const { size, auditedSize } = claimedSizes(config, response.fullTreeHead, view);
  const proof = verifyCombined({
    proof: response.distinguished,
    size,
    view,
    auditedSize,
    keys: new Map(),
    algorithm: updateAndWalk(config, size, view?.size, request.stop),
  });
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: response.fullTreeHead, view, size, proof, frontier, nowMs });
  const heads = proof.result.map((position) => {
    return knownHead(position, proof.fullSubtreesOf(position + 1), proof.frontierOf(position + 1));
  });
  return { view: newView, logRoot: proof.root, heads };
}
