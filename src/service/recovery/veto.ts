import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import { concatBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { sortedHashSet } from '../../identity/change-request.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import type { Ticket } from '../issuance/admission.ts';
import { awaitReleased, Deadline } from '../issuance/await-log.ts';
import { canonicalise } from '../intake.ts';
import type { Issuance, Made } from '../issuance/issuance.ts';
import type { LabelState } from '../log/label-state.ts';
import { readProvedState } from '../log/proved-state.ts';
import { makeVersion } from '../issuance/make-version.ts';
import { type Answer, requestHash } from '../issuance/requests.ts';
import { respond } from '../issuance/respond.ts';
import type { LogContext } from '../log/log-context.ts';
import { ownersRecordBefore } from '../sequencing/owners-record-before.ts';
import { verifyChange } from '../issuance/signed-change.ts';
import type { VetoOrder } from './recovery-orders.ts';

/**
 * Vetoes a pending recovery: makes the version that holds the same certificates and nothing pending, by a change that
 * leaves every key, signed by a key of the record or of the owner's record (docs/spec.md#vetoes-after-removal).
 * Idempotent. `order` is untrusted. Throws `identity-not-found`, `change-rejected` if nothing is pending or the change
 * leaves other keys, `bad-change-signature`, `version-conflict`, `timed-out`.
 */
export async function veto(issuance: Issuance, order: VetoOrder): Promise<Answer> {
  const { context, admission } = issuance;
  return admission.run('veto', async (ticket) => {
    const identity = canonicalise(order.identity, context.identityRules);
    const labelKey = await context.vrf.labelKey(identity.label);
    const deadline = new Deadline(context.limits.requestTimeoutMs);
    const work = { order, label: identity.label, labelKey, deadline, ticket };
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
  readonly ticket: Ticket;
}

/** Makes the version of the veto; returns undefined if the caller has to read the record again. */
async function attempt(issuance: Issuance, work: Work): Promise<Made | undefined> {
  const { context } = issuance;
  const { order, label, labelKey } = work;
  const state = await readProvedState(issuance, work, work.deadline);
  ensure(state !== undefined, 'identity-not-found', 'the identity is not registered');
  if (isDone(state, order)) return placeOf(state);
  const record = await nextRecord(context, work, state);
  const claim = await context.store.findRecovery(labelKey);
  const hash = requestHash('veto', label, [], order.change);
  const act = { act: 'recovery-vetoed', who: 'owner', request: order.requestId } as const;
  const target = { label, labelKey, version: state.version + 1, requestHash: hash };
  const made = await makeVersion(issuance, target, work, () => ({ record, certificate: undefined, act }));
  // Only the claim read before: the veto does not concern a later one.
  if (made !== undefined && claim?.state === 'waiting') await context.store.dropRecovery(claim);
  return made;
}

function placeOf({ version, position }: LabelState): Made {
  return { version, position, certificate: undefined, serial: undefined };
}

/** Returns true if the newest version is by this very change. */
function isDone({ record: { authorization } }: LabelState, { change }: VetoOrder): boolean {
  return authorization.type === 'key' && equalBytes(authorization.signature, change.signature);
}

async function nextRecord(context: LogContext, work: Work, state: LabelState): Promise<IdentityRecord> {
  const { change } = work.order;
  const expected = { origin: context.origin, label: work.label };
  const signers = await vetoersOf(context, work, state);
  const { request, authorization } = await verifyChange(change, state, expected, signers);
  ensure(state.record.pending !== undefined, 'change-rejected', 'no recovery of the identity is pending');
  const keys = sortedHashSet(state.certificates.map(({ keysSha256 }) => keysSha256));
  const isSame = equalBytes(concatBytes(...keys), concatBytes(...request.spkisAfter));
  ensure(isSame, 'change-rejected', 'a veto leaves every key as it is');
  const certificates = state.certificates.map(({ der }) => der);
  return { previousCommitment: state.commitment, certificates, pending: undefined, authorization };
}

/** Returns the certificates whose keys may veto: the owner's record's if the present one lacks the signer. */
async function vetoersOf(
  context: LogContext,
  { order: { change }, label, labelKey }: Work,
  state: LabelState,
): Promise<readonly ParsedCertificate[]> {
  const isPresent = state.certificates.some(({ spkiSha256 }) => equalBytes(spkiSha256, change.signer));
  if (isPresent || state.record.pending === undefined) return state.certificates;
  const head = await context.store.readHead();
  const owners = await ownersRecordBefore(context, head, { label, labelKey })(state);
  return owners === undefined ? state.certificates : owners.certificates.map((der) => parseCertificate(der));
}
