import type { ParsedCsr } from '../../ca/csr/csr.ts';
import type { Authorization } from '../../identity/authorization.ts';
import type { Identity } from '../../identity/identity.ts';
import { awaitReleased, awaitSequenced } from '../issuance/await-log.ts';
import { type Deadline, followIntent } from '../issuance/follow-intent.ts';
import type { Issuance } from '../issuance/issuance.ts';
import type { Made } from '../issuance/made.ts';
import type { LabelState } from '../log/label-state.ts';
import { policy } from '../issuance/policy.ts';
import { recordIntent } from '../issuance/record-intent.ts';
import { requestHash } from '../issuance/request-hash.ts';
import { signAndSubmit } from '../issuance/sign-and-submit.ts';

/** Whose recovery it is. */
export interface Claimant {
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  readonly csr: ParsedCsr;
  /** Who asks, for the trail. */
  readonly who: string;
  readonly requestId: string | undefined;
  readonly deadline: Deadline;
}

/**
 * Makes the version in which the claimant's key alone has the name: by a recovery that waited, or by the operator. All that the
 * owner lost goes to the CRL with it. Undefined where the same is under way elsewhere: then the record has to be looked at
 * again. The sequencer checks the wait, or the operator's word, once more. Throws `version-conflict`, `timed-out`, and what
 * the steps of the pipeline throw.
 */
export async function takeEffect(
  issuance: Issuance,
  claimant: Claimant,
  state: LabelState,
  authorization: Authorization,
): Promise<Made | undefined> {
  const { context, progress } = issuance;
  const { identity, labelKey, csr, deadline } = claimant;
  const version = state.version + 1;
  const next = { version, previous: state, kept: [], authorization };
  const validity = policy(context, identity, next, csr);
  const hash = requestHash('recovery', identity.label, [csr.der], undefined);
  const recorded = await recordIntent(context, { labelKey, version, requestHash: hash });
  if (!recorded.own) {
    await followIntent(issuance, recorded.existing, deadline);
    return undefined;
  }
  const order = { ...claimant, keys: csr, requestHash: hash, act: 'recovery-effective' } as const;
  const { row, submissionId } = await signAndSubmit(context, order, next, validity);
  const position = await awaitSequenced(progress, submissionId, deadline.leftMs());
  await awaitReleased(progress, position, deadline.leftMs());
  return { version, position, certificate: row.der, serial: row.serial };
}
