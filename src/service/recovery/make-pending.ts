import { encode } from '../../core/encoding/codec.ts';
import { type Evidence, evidenceCodec } from '../../identity/evidence.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import type { Issuance } from '../issuance/issuance.ts';
import type { LabelState } from '../log/label-state.ts';
import { makeVersion } from '../issuance/make-version.ts';
import { withinIdentityBudget } from '../issuance/policy.ts';
import { requestHash } from '../issuance/requests.ts';
import type { Claimant } from './take-effect.ts';

/**
 * Makes the version that carries a recovery as pending, with the same certificates. The claim is stored before the
 * version is queued, under the version's intent, so that the keeper can complete every pending recovery without the
 * claimant. Returns the version's position; undefined if the same request is under way elsewhere. Throws `denied`,
 * `rate-limited`, `version-conflict`, `timed-out`.
 */
export async function makePending(
  issuance: Issuance,
  claimant: Claimant,
  state: LabelState,
  evidence: Evidence,
): Promise<number | undefined> {
  const { context, settings } = issuance;
  const { webhook, identityBudget } = settings.evidence;
  const { identity, labelKey, csr, who, requestId: request } = claimant;
  const { keysSha256: spkiSha256 } = csr;
  const version = state.version + 1;
  const hash = requestHash('recovery', identity.label, [csr.der], undefined);
  const claim = { label: identity.label, labelKey, version, requestHash: hash };
  const made = await withinIdentityBudget(identityBudget, labelKey, async (keep) => {
    await webhook?.ask({ operation: 'recover', identity, evidence, spkiSha256, version });
    return makeVersion(issuance, claim, claimant, async () => {
      keep();
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
      return { record, certificate: undefined, act: { act: 'recovery-requested', who, request } };
    });
  });
  return made?.position;
}
