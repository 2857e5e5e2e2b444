import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { NO_COMMITMENT } from '../../identity/identity-record.ts';
import type { Ticket } from './admission.ts';
import { approve } from './approve.ts';
import { authenticate, authenticateApplication, credentialsKey, type Requester, whoOf } from './authenticate.ts';
import { awaitReleased, Deadline } from './await-log.ts';
import { continuity } from './continuity.ts';
import { canonicalise, parse, proofOfPossession } from '../intake.ts';
import type { Issuance, Made } from './issuance.ts';
import { readProvedState } from '../log/proved-state.ts';
import { makeVersion } from './make-version.ts';
import { policy, withinIdentityBudget } from './policy.ts';
import { type CertificateOrder, type LoggedCertificate, requestHash } from './requests.ts';
import { respond } from './respond.ts';
import type { WantedKeys } from './sign.ts';
import { signVersion } from './signed-version.ts';
import { findStoredAnswer } from './stored-answer.ts';

/** An order after intake. */
export interface CertificateWork {
  readonly order: Pick<CertificateOrder, 'change' | 'proveFirst' | 'requestId'>;
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  readonly keys: WantedKeys;
  /**
   * Authenticates the requester; called once, and only if no answer is stored. Throws what {@link authenticate} throws.
   */
  readonly authenticate: () => Promise<Requester>;
  /** Refuses an identity that is registered already. */
  readonly isFirst?: boolean;
  /** The requester, for the trail. */
  readonly who: string;
  readonly requestHash: Uint8Array;
  readonly deadline: Deadline;
  readonly ticket: Ticket;
}

/**
 * Registers, adds, renews or rotates: the issuance pipeline (docs/architecture.md#one-registration), one line per step.
 * The certificate leaves the server once the version that holds it is in a released head. The same request again gets
 * the same answer. `order` is untrusted. Throws the code of the step that refuses; `timed-out` leaves the request in
 * the queue.
 */
export async function issueCertificate(issuance: Issuance, order: CertificateOrder): Promise<LoggedCertificate> {
  const { context, admission, requests, settings } = issuance;
  return admission.run('certificate', async (ticket) => {
    const der = parse(order);
    const identity = canonicalise(order.identity, context.identityRules);
    const csr = await proofOfPossession(context, der, identity);
    const who = whoOf(order, await authenticateApplication(issuance, order));
    const hash = requestHash('certificate', identity.label, [csr.der], order.change);
    // The key includes the credentials: otherwise a stranger's request without evidence would make it fail for both.
    const made = await requests.share(`${credentialsKey(order)} ${formatHex(hash)}`, async () => {
      const labelKey = await context.vrf.labelKey(identity.label);
      const deadline = new Deadline(context.limits.requestTimeoutMs);
      const claimed = { identity, labelKey, spkiSha256: csr.spkiSha256 };
      const work = { order, identity, labelKey, keys: csr, who, requestHash: hash, deadline, ticket };
      return makeCertificate(issuance, { ...work, authenticate: () => authenticate(issuance, order, claimed) });
    });
    const answer = await respond(issuance, identity, made, order);
    const { certificate, serial } = made;
    ensure(certificate !== undefined && serial !== undefined, 'internal', 'a certificate order without a certificate');
    return { ...answer, serial, certificate, chain: settings.issuingCas.chainOf(certificate) };
  });
}

/** Runs the steps from continuity to release. Runs them again if another process is serving the same request. */
export async function makeCertificate(issuance: Issuance, work: CertificateWork): Promise<Made> {
  const { context, settings } = issuance;
  const { labelKey } = work;
  let requester = work.order.proveFirst === true ? await work.authenticate() : undefined;
  for (;;) {
    const { label } = work.identity;
    const state = await readProvedState(issuance, { label, labelKey }, work.deadline);
    const stored = await findStoredAnswer(context, work, state);
    if (stored !== undefined) return released(issuance, work, stored);
    ensure(
      work.isFirst !== true || state === undefined,
      'change-required',
      'the identity has a record with another key',
    );
    const { spkiSha256, keysSha256 } = work.keys;
    const { origin } = context;
    // The same request again needs no fresh evidence: a token may have expired since.
    requester ??= await work.authenticate();
    const { change } = work.order;
    const next = await continuity({ origin, label, state, requester, change, keysSha256, nowMs: context.now() });
    if (next.authorization.type === 'initial' && requester.type === 'vouched') {
      await requester.use?.({ version: next.version, previousCommitment: NO_COMMITMENT });
    }
    const claim = { label, labelKey, version: next.version, requestHash: work.requestHash };
    const byProfile = policy(context, settings, work.identity, next, work.keys);
    const made = await withinIdentityBudget(settings.evidence.identityBudget, labelKey, async (keep) => {
      const approvable = { identity: work.identity, next, spkiSha256, keysSha256, validity: byProfile };
      const validity = await approve(settings.evidence.webhook, { ...approvable, nowMs: context.now() });
      return makeVersion(issuance, claim, work, (signed) => {
        keep();
        const voucher = requester?.type === 'vouched' && next.authorization.type === 'initial' ? requester : undefined;
        const who = voucher?.who ?? work.who;
        return signVersion(issuance, { ...work, who, requestId: work.order.requestId }, next, validity, signed);
      });
    });
    if (made !== undefined) return released(issuance, work, made);
  }
}

async function released({ progress }: Issuance, { ticket, deadline }: CertificateWork, made: Made): Promise<Made> {
  ticket.submitted();
  await awaitReleased(progress, made.position, deadline.leftMs());
  return made;
}
