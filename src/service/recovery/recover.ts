import { formatHex } from '../../core/encoding/bytes.ts';
import { encode } from '../../core/encoding/codec.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Evidence } from '../../identity/evidence.ts';
import { evidenceCodec } from '../../identity/evidence.ts';
import type { RecoveryRow } from '../../store/ports.ts';
import {
  authenticate,
  authenticateApplication,
  credentialsKey,
  type Vouched,
  whoOf,
} from '../issuance/authenticate.ts';
import { awaitReleased, Deadline } from '../issuance/await-log.ts';
import { canonicalise, parse, proofOfPossession } from '../intake.ts';
import type { Issuance, SettledRecovery } from '../issuance/issuance.ts';
import type { LabelState } from '../log/label-state.ts';
import { readProvedState } from '../log/proved-state.ts';
import { policy } from '../issuance/policy.ts';
import { respond } from '../issuance/respond.ts';
import { countVetoes } from './count-vetoes.ts';
import { makePending } from './make-pending.ts';
import type { RecoveryOrder, RecoveryOutcome } from './recovery-orders.ts';
import { type Claimant, takeEffect } from './take-effect.ts';
import { grantedAuthorization } from '../log/recovery-grant.ts';
import { effectiveFrom, waitedAuthorization } from '../log/recovery-wait.ts';

/** A claim and the request that makes it. */
interface Work extends Claimant {
  readonly order: RecoveryOrder;
}

/**
 * Recovers an identity whose owner lost every key (docs/spec.md#identity-record). Evidence that the policy takes proves
 * the identity again; the key of the CSR becomes pending in the log at once. It takes effect when the same request is
 * repeated after the delay. A repeated request needs no fresh evidence; before the delay it changes nothing. `order` is
 * untrusted. Throws what the first steps of the pipeline throw; `unauthenticated` or `forbidden` without evidence that
 * counts; `identity-not-found`, `erased`; `recovery-pending` while another one waits; what `policy` throws; `denied`;
 * `version-conflict`, `timed-out`.
 */
export async function recover(issuance: Issuance, order: RecoveryOrder): Promise<RecoveryOutcome> {
  const { context, admission, recoveries, settings } = issuance;
  return admission.run('recovery', async (ticket) => {
    const der = parse(order);
    const identity = canonicalise(order.identity, context.identityRules);
    const csr = await proofOfPossession(context, der, identity);
    const who = whoOf(order, await authenticateApplication(issuance, order));
    const key = `${credentialsKey({ ...order, change: undefined })} ${formatHex(csr.keysSha256)} ${identity.text}`;
    const settled = await recoveries.share(key, async () => {
      const labelKey = await context.vrf.labelKey(identity.label);
      const deadline = new Deadline(context.limits.requestTimeoutMs);
      const { requestId } = order;
      return settle(issuance, { order, identity, labelKey, csr, who, requestId, deadline, ticket });
    });
    ticket.submitted();
    if (settled.state === 'undecided') return { state: 'undecided', identity: identity.text };
    const { version, position } = settled;
    if (settled.state === 'pending') {
      const place = { version, position, certificate: undefined, serial: undefined };
      const { effectiveMs } = settled;
      return { state: 'pending', effectiveMs, ...(await respond(issuance, identity, place, order)) };
    }
    const answer = await respond(issuance, identity, settled, order);
    const { certificate, serial } = settled;
    ensure(certificate !== undefined && serial !== undefined, 'internal', 'a recovery without a certificate');
    return { state: 'effective', ...answer, serial, certificate, chain: settings.issuingCas.chainOf(certificate) };
  });
}

/** Moves the claim on from its state in the log, and reads the log again if another request has moved it. */
async function settle(issuance: Issuance, work: Work): Promise<SettledRecovery> {
  const { context, progress } = issuance;
  const { labelKey, csr, deadline } = work;
  const { label } = work.identity;
  let voucher = work.order.proveFirst === true ? await prove(issuance, work) : undefined;
  for (;;) {
    const state = await readProvedState(issuance, { label, labelKey }, deadline);
    const claim = await context.store.findRecovery(labelKey);
    const isOurs = claim !== undefined && equalBytes(claim.spkiSha256, csr.keysSha256);
    const settled = state && (await goOn(issuance, work, state, isOurs ? claim : undefined));
    if (settled === 'again') continue;
    if (settled !== undefined) return settled;
    voucher ??= await prove(issuance, work);
    ensure(state !== undefined, 'identity-not-found', 'the identity is not registered');
    const isFree = state.record.pending === undefined && (claim === undefined || claim.state === 'waiting');
    ensure(isFree, 'recovery-pending', 'another recovery of the identity is pending');
    // A key that the profile does not take would wait, and never take effect.
    policy(context, issuance.settings, work.identity, { kept: [] }, csr);
    await voucher.use?.({ version: state.version + 1, previousCommitment: state.commitment });
    const { evidence } = voucher;
    const { maxVetoes } = issuance.settings.evidence.recoverySettings;
    if ((await countVetoes(context, { label, labelKey }, state, maxVetoes)) >= maxVetoes) {
      await leaveToOperator(issuance, work, evidence);
      continue;
    }
    const position = await makePending(issuance, work, state, evidence);
    if (position === undefined) continue;
    await awaitReleased(progress, position, deadline.leftMs());
    issuance.recoveryAsked();
  }
}

/** Continues a claim that is known already; returns undefined for a new one. */
async function goOn(
  issuance: Issuance,
  work: Work,
  state: LabelState,
  claim: RecoveryRow | undefined,
): Promise<SettledRecovery | 'again' | undefined> {
  const { context } = issuance;
  const { keysSha256 } = work.csr;
  const done = await certified(issuance, work, state);
  if (done !== undefined) return done;
  const { pending } = state.record;
  if (pending !== undefined && equalBytes(pending.spkiSha256, keysSha256)) {
    const authorization = await waitedAuthorization(
      issuance,
      { label: work.identity.label, labelKey: work.labelKey },
      state,
    );
    if (authorization === undefined) {
      await awaitReleased(issuance.progress, state.position, work.deadline.leftMs());
      const { version, position } = state;
      const effectiveMs = await effectiveFrom(issuance, work.identity.label, state);
      return { state: 'pending', version, position, effectiveMs };
    }
    const made = await takeEffect(issuance, work, state, authorization);
    return made === undefined ? 'again' : { state: 'effective', ...made };
  }
  if (claim?.state === 'undecided') return { state: 'undecided' };
  if (claim?.state !== 'granted') return undefined;
  const made = await takeEffect(issuance, work, state, await grantedAuthorization(context, claim, state));
  return made === undefined ? 'again' : { state: 'effective', ...made };
}

/**
 * Returns the newest certificate of the claimant's key if the record has one: the answer that the same request got
 * before.
 */
async function certified(
  { context, progress }: Issuance,
  { labelKey, csr, deadline }: Work,
  { certificates }: LabelState,
): Promise<SettledRecovery | undefined> {
  const found = certificates.findLast((one) => equalBytes(one.keysSha256, csr.keysSha256));
  if (found === undefined) return undefined;
  const row = await context.store.findCertificate(found.serial);
  const [version] = row === undefined ? [] : await context.store.readVersions(labelKey, row.version, row.version);
  if (row === undefined || version === undefined) return undefined;
  await awaitReleased(progress, version.position, deadline.leftMs());
  const { position } = version;
  return { state: 'effective', version: row.version, position, certificate: found.der, serial: found.serial };
}

/** Returns evidence that counts for a recovery. Throws `unauthenticated` if there is none. */
async function prove(issuance: Issuance, { order, identity, labelKey, csr }: Work): Promise<Vouched> {
  const claimed = { identity, labelKey, spkiSha256: csr.spkiSha256 };
  const requester = await authenticate(issuance, { ...order, change: undefined }, claimed, 'recover');
  ensure(requester.type === 'vouched', 'unauthenticated', 'a recovery needs evidence that vouches for the identity');
  return requester;
}

/**
 * Stores the claim for the operator to decide. After too many vetoes, the log gets no further entry.
 */
async function leaveToOperator({ context }: Issuance, work: Work, evidence: Evidence): Promise<void> {
  const { identity, labelKey, csr, who, requestId: request } = work;
  const isAdded = await context.store.addRecovery({
    labelKey,
    identity: identity.text,
    csr: csr.der,
    spkiSha256: csr.keysSha256,
    evidence: encode(evidenceCodec, evidence),
    state: 'undecided',
    requestedMs: context.now(),
  });
  if (!isAdded) return;
  const act = { act: 'recovery-requested', who, request, identity: formatHex(labelKey) } as const;
  await context.trail.record([act], (record) => context.store.appendTrail(record));
}
