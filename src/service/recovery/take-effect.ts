import type { ParsedCsr } from '../../ca/csr/csr.ts';
import type { Authorization } from '../../identity/authorization.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Ticket } from '../issuance/admission.ts';
import { awaitReleased, type Deadline } from '../issuance/await-log.ts';
import type { Issuance, Made } from '../issuance/issuance.ts';
import type { LabelState } from '../log/label-state.ts';
import { policy } from '../issuance/policy.ts';
import { makeVersion } from '../issuance/make-version.ts';
import { requestHash } from '../issuance/requests.ts';
import { signVersion } from '../issuance/signed-version.ts';

/** The claimant of a recovery. */
export interface Claimant {
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  readonly csr: ParsedCsr;
  /** The requester, for the trail. */
  readonly who: string;
  readonly requestId: string | undefined;
  readonly deadline: Deadline;
  /** Undefined if no request waits for it. */
  readonly ticket?: Ticket | undefined;
}

/**
 * Makes the version in which the claimant's key alone has the name: by a recovery that waited, or by the operator. All
 * certificates of the lost keys go to the CRL with it. Returns undefined if another call is making it: the caller reads
 * the record again. The sequencer checks the wait, or the operator's word, once more. Throws `version-conflict`,
 * `timed-out`, and what the steps of the pipeline throw.
 */
export async function takeEffect(
  issuance: Issuance,
  claimant: Claimant,
  state: LabelState,
  authorization: Authorization,
): Promise<Made | undefined> {
  const { context, progress, settings } = issuance;
  const { identity, labelKey, csr, deadline } = claimant;
  const version = state.version + 1;
  const next = { version, previous: state, kept: [], authorization };
  const validity = policy(context, settings, identity, next, csr);
  const hash = requestHash('recovery', identity.label, [csr.der], undefined);
  const claim = { label: identity.label, labelKey, version, requestHash: hash };
  const order = { ...claimant, keys: csr, requestHash: hash, act: 'recovery-effective' } as const;
  const made = await makeVersion(issuance, claim, claimant, (signed) => {
    return signVersion(issuance, order, next, validity, signed);
  });
  if (made !== undefined) await awaitReleased(progress, made.position, deadline.leftMs());
  return made;
}
