import { concatBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { sortedHashSet } from '../../identity/change-request.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import { closeOpenIntent } from '../sequencing/intent-closing.ts';
import { awaitReleased, awaitSequenced } from '../issuance/await-log.ts';
import { Deadline, followIntent } from '../issuance/follow-intent.ts';
import { canonicalise } from '../intake.ts';
import type { Issuance } from '../issuance/issuance.ts';
import type { Made } from '../issuance/made.ts';
import { type LabelState, readLabelState } from '../log/label-state.ts';
import { recordIntent } from '../issuance/record-intent.ts';
import { requestHash } from '../issuance/request-hash.ts';
import type { Answer } from '../issuance/requests.ts';
import { respond } from '../issuance/respond.ts';
import { verifyChange } from '../issuance/signed-change.ts';
import { submit } from '../issuance/submit.ts';
import type { VetoOrder } from './recovery-orders.ts';

/**
 * Vetoes a pending recovery: makes the version that holds the same certificates and nothing pending, by a change that a key of
 * the record signed and that leaves every key (DESIGN §7). Asking again for what is done changes nothing. `order` is
 * untrusted. Throws `identity-not-found`, `change-rejected` where nothing is pending or the change leaves other keys,
 * `bad-change-signature`, `version-conflict`, `timed-out`.
 */
export async function veto(issuance: Issuance, order: VetoOrder): Promise<Answer> {
  const { context, admission } = issuance;
  return admission.run('veto', async (ticket) => {
    const identity = canonicalise(order.identity, context.identityRules);
    const labelKey = await context.vrf.labelKey(identity.label);
    const deadline = new Deadline(context.limits.requestTimeoutMs);
    const work = { order, label: identity.label, labelKey, deadline };
    let made: Made | undefined;
    while (made === undefined) made = await attempt(issuance, work);
    ticket.submitted();
    await awaitReleased(issuance.progress, made.position, deadline.leftMs());
    return respond(issuance, identity, made, order);
  });
}

interface Work {
  readonly order: VetoOrder;
  readonly label: Uint8Array;
  readonly labelKey: Uint8Array;
  readonly deadline: Deadline;
}

/** The version of the veto; undefined where the record has to be looked at again. */
async function attempt(issuance: Issuance, work: Work): Promise<Made | undefined> {
  const { context, progress } = issuance;
  const { order, label, labelKey, deadline } = work;
  const state = await readLabelState(context, labelKey);
  ensure(state !== undefined, 'identity-not-found', 'the identity is not registered');
  if (isDone(state, order)) return placeOf(state);
  const record = await nextRecord(context.origin, work, state);
  const claim = await context.store.findRecovery(labelKey);
  const version = state.version + 1;
  const hash = requestHash('veto', label, [], order.change);
  const recorded = await recordIntent(context, { labelKey, version, requestHash: hash });
  if (!recorded.own) {
    await followIntent(issuance, recorded.existing, deadline);
    return undefined;
  }
  const act = { act: 'recovery-vetoed', who: 'owner', request: order.requestId } as const;
  const next = { label, labelKey, version, record, certificate: undefined, requestHash: hash, act };
  const submissionId = await submit(context, next).catch(async (error: unknown) => {
    await closeOpenIntent(context, { labelKey, version }, undefined).catch(() => undefined);
    throw error;
  });
  const position = await awaitSequenced(progress, submissionId, deadline.leftMs());
  // The claim as it was before: one that was made since is not what was vetoed.
  if (claim?.state === 'waiting') await context.store.dropRecovery(claim);
  return { version, position, certificate: undefined, serial: undefined };
}

function placeOf({ version, position }: LabelState): Made {
  return { version, position, certificate: undefined, serial: undefined };
}

/** Whether the newest version is by this very change. */
function isDone({ record: { authorization } }: LabelState, { change }: VetoOrder): boolean {
  return authorization.type === 'key' && equalBytes(authorization.signature, change.signature);
}

async function nextRecord(origin: string, { order, label }: Work, state: LabelState): Promise<IdentityRecord> {
  const { request, authorization } = await verifyChange(order.change, state, { origin, label });
  ensure(state.record.pending !== undefined, 'change-rejected', 'no recovery of the identity is pending');
  const keys = sortedHashSet(state.certificates.map(({ keysSha256 }) => keysSha256));
  const isSame = equalBytes(concatBytes(...keys), concatBytes(...request.spkisAfter));
  ensure(isSame, 'change-rejected', 'a veto leaves every key as it is');
  const certificates = state.certificates.map(({ der }) => der);
  return { previousCommitment: state.commitment, certificates, pending: undefined, authorization };
}
