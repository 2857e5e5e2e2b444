import { ensure } from '../errors.ts';
import { assertLadderCommitments, verifyLadder } from './ladder-keys.ts';
import type { StandingRequest, StandingResponse } from './standing-messages.ts';
import { type Stood, updateAndStand } from './standing.ts';
import type { TreeView } from './tree-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';
import type { VerifyContext } from './verify-search.ts';

/** A verified standing. */
export interface VerifiedStanding extends Stood {
  /** The view to retain instead of the advertised one. */
  readonly view: TreeView;
}

/**
 * Verifies an untrusted `StandingResponse` (docs/spec.md#standing): the version was the label's greatest at both log
 * entries, at their timestamps. The client knows its `commitment` from the chain of records. `request.last` must be the
 * size of `context.view`. Both entries must be in the tree that the client already knows, so that no later tree head
 * can contradict them. Throws verification errors.
 */
export function verifyStanding(
  context: VerifyContext,
  request: StandingRequest,
  response: StandingResponse,
  commitment: Uint8Array,
): VerifiedStanding {
  const { config, view, nowMs } = context;
  const { label, version, first, second } = request;
  ensure(request.last === view?.size, 'usage', 'the request advertised another size than the view has');
  ensure(first < second && second < (view?.size ?? 0), 'usage', 'the positions are no entries of the known log');
  const { keys } = verifyLadder(config, label, version, response.binaryLadder, commitment);
  const { size, auditedSize } = claimedSizes(config, response.fullTreeHead, view);
  const proof = verifyCombined({
    proof: response.standing,
    size,
    view,
    auditedSize,
    keys,
    algorithm: updateAndStand(view?.size, { size, version, first, second }),
  });
  assertLadderCommitments(version, response.binaryLadder, proof.shown);
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: response.fullTreeHead, view, size, proof, frontier, nowMs });
  return { ...proof.result, view: newView };
}
