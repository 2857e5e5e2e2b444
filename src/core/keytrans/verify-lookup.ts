import { cipherSuite } from '../crypto/cipher-suite.ts';
import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import type { Algorithm } from './evidence.ts';
import { absenceSearch } from './greatest-version-search.ts';
import type { LookupRequest, LookupResponse } from './messages.ts';
import type { TreeView } from './tree-view.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';
import { type VerifiedSearch, type VerifyContext, verifySearch } from './verify-search.ts';
import { encodeVrfInput } from './vrf-input.ts';

/** A verified answer to a lookup. */
export type VerifiedLookup =
  | ({ readonly type: 'found' } & VerifiedSearch)
  | { readonly type: 'absent'; readonly view: TreeView; readonly labelKey: Uint8Array; readonly logRoot: Uint8Array };

/** Updates the view, then establishes that the label does not exist. */
export function* updateAndProveAbsence(
  config: Configuration,
  size: number,
  last: number | undefined,
): Algorithm<undefined> {
  yield* updateView(size, last);
  return yield* absenceSearch(size, config.reasonableMonitoringWindowMs);
}

/**
 * Verifies an untrusted answer to Glasskey's `lookup` (docs/spec.md#negative-answers): a search response, or a proof
 * that the label does not exist. Throws a verification error.
 */
export function verifyLookup(context: VerifyContext, request: LookupRequest, answer: LookupResponse): VerifiedLookup {
  const { config, view, nowMs } = context;
  if (answer.type === 'found') {
    const search = verifySearch(context, { ...request, version: undefined }, answer.response);
    return { type: 'found', ...search };
  }
  ensure(request.last === view?.size, 'usage', 'the request advertised another size than the view has');
  const labelKey = cipherSuite(config.cipherSuite).verifyVrf(
    config.vrfPublicKey,
    encodeVrfInput(request.label, 0),
    answer.vrfProof,
  );
  const { size, auditedSize } = claimedSizes(config, answer.fullTreeHead, view);
  const proof = verifyCombined({
    proof: answer.proof,
    size,
    view,
    auditedSize,
    // The ladder for version 0 ends at its first lookup; version 1 is never looked up.
    keys: new Map([[0, { vrfOutput: labelKey }]]),
    algorithm: updateAndProveAbsence(config, size, view?.size),
  });
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: answer.fullTreeHead, view, size, proof, frontier, nowMs });
  return { type: 'absent', view: newView, labelKey, logRoot: proof.root };
}
