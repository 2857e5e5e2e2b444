import { encode } from '../../core/encoding/codec.ts';
import { type Evidence, evidenceCodec } from '../../identity/evidence.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import { closeOpenIntent } from '../sequencing/intent-closing.ts';
import { awaitSequenced } from '../issuance/await-log.ts';
import { followIntent } from '../issuance/follow-intent.ts';
import type { Issuance } from '../issuance/issuance.ts';
import type { LabelState } from '../log/label-state.ts';
import { limitIdentity } from '../issuance/limit-identity.ts';
import { recordIntent } from '../issuance/record-intent.ts';
import { requestHash } from '../issuance/request-hash.ts';
import { submit } from '../issuance/submit.ts';
import type { Claimant } from './take-effect.ts';

/**
 * Makes the version that carries a recovery as pending, with the certificates as they are. The claim is stored before the
 * version is queued, under the version's intent, so that whatever the log has pending can be completed without the claimant.
 * The version's position; undefined where the same is under way elsewhere. Throws `denied`, `rate-limited`,
 * `version-conflict`, `timed-out`.
 */
export async function makePending(
  issuance: Issuance,
  claimant: Claimant,
  state: LabelState,
  evidence: Evidence,
): Promise<number | undefined> {
  const { context, progress, webhook } = issuance;
  const { identity, labelKey, csr, who, requestId: request, deadline } = claimant;
  const { keysSha256: spkiSha256 } = csr;
  const version = state.version + 1;
  const giveBack = limitIdentity(issuance.identityBudget, labelKey);
  const hash = requestHash('recovery', identity.label, [csr.der], undefined);
  try {
    await webhook?.ask({ operation: 'recover', identity, evidence, spkiSha256, version });
    const recorded = await recordIntent(context, { labelKey, version, requestHash: hash });
    if (!recorded.own) {
      giveBack();
      await followIntent(issuance, recorded.existing, deadline);
      return undefined;
    }
  } catch (error) {
    giveBack();
    throw error;
  }
  try {
    await context.store.addRecovery({
      labelKey,
      identity: identity.text,
      csr: csr.der,
      spkiSha256,
      evidence: encode(evidenceCodec, evidence),
      state: 'waiting',
      requestedMs: context.now(),
    });
    const record: IdentityRecord = {
      previousCommitment: state.commitment,
      certificates: state.certificates.map(({ der }) => der),
      pending: { spkiSha256, evidence },
      authorization: { type: 'recovery', phase: 'requested' },
    };
    const act = { act: 'recovery-requested', who, request } as const;
    const next = { label: identity.label, labelKey, version, record, certificate: undefined, requestHash: hash, act };
    const submissionId = await submit(context, next);
    return await awaitSequenced(progress, submissionId, deadline.leftMs());
  } catch (error) {
    await closeOpenIntent(context, { labelKey, version }, undefined).catch(() => undefined);
    throw error;
  }
}
