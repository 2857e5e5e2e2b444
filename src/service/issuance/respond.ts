import { encode } from '../../core/encoding/codec.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { searchResponseCodec } from '../../core/keytrans/messages.ts';
import { type UpdateRequest, updateResponsesCodec } from '../../core/keytrans/update-messages.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Issuance, Made } from './issuance.ts';
import type { Answer, AnswerProof, ProofOrder } from './requests.ts';

/** Step `respond`: returns the position of the version with the ordered proof. Throws as {@link proveAnswer}. */
export async function respond(
  issuance: Issuance,
  identity: Identity,
  { version, position }: Made,
  order: ProofOrder,
): Promise<Answer> {
  return { identity: identity.text, version, position, ...(await proveAnswer(issuance, identity.label, order)) };
}

/**
 * Makes the one proof that was ordered for a label. An owner gets no bytes if it knows every version, or if the others
 * can no longer be shown. Throws `invalid-request`, `too-far-behind`, `not-audited`, `erased`.
 */
export async function proveAnswer(
  parts: Pick<Issuance, 'context' | 'progress' | 'prover'>,
  label: Uint8Array,
  { last, proof: wanted = 'search' }: ProofOrder,
): Promise<AnswerProof> {
  if (wanted !== 'search') return proveToOwner(parts, { last, label, greatestVersion: wanted.owner.greatestVersion });
  const request = { last, label, version: undefined };
  const answer = await parts.prover.search(request);
  const { fullTreeHead } = answer;
  const treeSize = fullTreeHead.type === 'updated' ? fullTreeHead.treeHead.treeSize : (last ?? 0);
  return { treeSize, proof: encode(searchResponseCodec(parts.context.configuration, request), answer) };
}

async function proveToOwner(
  { context, progress, prover }: Pick<Issuance, 'context' | 'progress' | 'prover'>,
  owner: Omit<UpdateRequest, 'values'>,
): Promise<AnswerProof> {
  try {
    const responses = await prover.update({ ...owner, values: [] });
    const fullTreeHead = responses[0]?.fullTreeHead;
    const treeSize = fullTreeHead?.type === 'updated' ? fullTreeHead.treeHead.treeSize : (owner.last ?? 0);
    return { treeSize, proof: encode(updateResponsesCodec(context.configuration), responses) };
  } catch (error) {
    const isUntold = UNTOLD.some((code) => isGlasskeyError(error, code));
    if (!isUntold) throw error;
    const { released } = await progress.released();
    return { treeSize: released.size, proof: new Uint8Array(0) };
  }
}

/** Failures of an update that leave an owner's answer without proof: nothing new, or nothing that can be shown. */
const UNTOLD = ['search-not-found', 'version-expired', 'erased'] as const;
