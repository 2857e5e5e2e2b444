import type { ParsedCertificate } from '../../ca/certificate.ts';
import { concatBytes, encodeUtf8, equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Authorization } from '../../identity/authorization.ts';
import { sortedHashSet } from '../../identity/change-request.ts';
import type { Identity } from '../../identity/identity.ts';
import type { IdentityRecord } from '../../identity/identity-record.ts';
import { assertMayVouch } from '../evidence/policy-table.ts';
import { isRevocationReason } from '../../ca/crl-entries.ts';
import type { Act } from '../log/act.ts';
import type { Ticket } from './admission.ts';
import { authenticateApplication, whoOf } from './authenticate.ts';
import { awaitReleased, Deadline } from './await-log.ts';
import { canonicalise } from '../intake.ts';
import type { Issuance, Made } from './issuance.ts';
import type { LabelState } from '../log/label-state.ts';
import { readProvedState } from '../log/proved-state.ts';
import { makeVersion } from './make-version.ts';
import { requestHash, type RevocationOrder, type RevokedCertificates } from './requests.ts';
import { respond } from './respond.ts';
import { verifyChange } from './signed-change.ts';

/** The capacity of a record. */
const MAX_SERIALS = 255;

interface Work {
  readonly order: RevocationOrder;
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  readonly requestHash: Uint8Array;
  /** The requester, for the trail. */
  readonly who: string;
  readonly deadline: Deadline;
  readonly ticket: Ticket;
}

/**
 * Revokes certificates of an identity: makes a version without them, by a change that a key of the record signed, or on
 * an application's word (`maintenance: revocation`). The certificates go to the CRL in the same transaction.
 * Idempotent. `order` is untrusted. Throws `unauthenticated`, `identity-not-found`, `no-such-certificate`,
 * `change-rejected`, `version-conflict`, `timed-out`.
 */
export async function revokeCertificates(issuance: Issuance, order: RevocationOrder): Promise<RevokedCertificates> {
  return revokeAs(issuance, order, async (identity) => {
    const who = whoOf(order, await authenticateApplication(issuance, order));
    const { token, change } = order;
    const isSomebody = token !== undefined || change !== undefined;
    ensure(isSomebody, 'unauthenticated', 'a revocation needs an application token or a signed change');
    const { policyTable } = issuance.settings.evidence;
    if (change === undefined) assertMayVouch(policyTable, { type: 'application' }, identity);
    return who;
  });
}

/**
 * Revokes as {@link revokeCertificates} does, for a requester `who` (see `Act.who`) that the caller has authenticated:
 * an application, or the holder of the certificate's key. The version is `maintenance: revocation`.
 */
export async function revokeForRequester(
  issuance: Issuance,
  order: Omit<RevocationOrder, 'token' | 'change'>,
  who: string,
): Promise<RevokedCertificates> {
  const unsigned = { ...order, token: undefined, change: undefined };
  return revokeAs(issuance, unsigned, () => Promise.resolve(who));
}

async function revokeAs(
  issuance: Issuance,
  order: RevocationOrder,
  authenticate: (identity: Identity) => Promise<string>,
): Promise<RevokedCertificates> {
  const { context, admission, requests } = issuance;
  return admission.run('revocation', async (ticket) => {
    const asked = parseSerials(order);
    const identity = canonicalise(order.identity, context.identityRules);
    const who = await authenticate(identity);
    const labelKey = await context.vrf.labelKey(identity.label);
    const hash = requestHash(
      'revocation',
      identity.label,
      [encodeUtf8(`${order.reason} ${asked.join()}`)],
      order.change,
    );
    const deadline = new Deadline(context.limits.requestTimeoutMs);
    const work = { order, identity, labelKey, who, requestHash: hash, deadline, ticket };
    const made = await requests.share(formatHex(hash), () => make(issuance, work));
    const revoked = order.serials === 'all' ? (made.removed ?? []) : asked;
    return { ...(await respond(issuance, identity, made, order)), revoked };
  });
}

/** Returns the serials of the order, sorted and distinct; none for `all`. Throws `invalid-request`. */
export function parseSerials({ serials, reason }: Pick<RevocationOrder, 'serials' | 'reason'>): readonly string[] {
  ensure(
    isRevocationReason(reason),
    'invalid-request',
    'the reason is not a code of RFC 5280 that this server accepts',
  );
  if (serials === 'all') return [];
  const fits = serials.length >= 1 && serials.length <= MAX_SERIALS;
  ensure(fits, 'invalid-request', `a revocation names 1 to ${MAX_SERIALS} serials`);
  const wellFormed = serials.every((serial) => /^(?:[0-9a-f]{2}){1,20}$/.test(serial));
  ensure(wellFormed, 'invalid-request', 'a serial is lower-case hex of 1 to 20 bytes');
  return [...new Set(serials)].sort();
}

async function make(issuance: Issuance, work: Work): Promise<Made> {
  const { labelKey, identity } = work;
  let asked: readonly string[] = [];
  for (;;) {
    const state = await readProvedState(issuance, { label: identity.label, labelKey }, work.deadline);
    ensure(state !== undefined, 'identity-not-found', 'the identity is not registered');
    const removed = await certificatesToRemove(issuance, { labelKey, serials: work.order.serials }, state);
    if (removed.length === 0) return { ...(await released(issuance, work, state)), removed: asked };
    const record = await nextRecord(issuance, work, state, removed);
    const { order, who, requestHash: hash } = work;
    const serials = removed.map(({ serial }) => serial);
    asked = serials;
    const { reason, requestId: request } = order;
    const act: Act = { act: 'certificates-revoked', who, request, removed: serials, reason };
    const claim = { label: identity.label, labelKey, version: state.version + 1, requestHash: hash };
    const made = await makeVersion(issuance, claim, work, () => ({ record, certificate: undefined, act }));
    if (made !== undefined) return { ...(await released(issuance, work, made)), removed: serials };
  }
}

/**
 * Returns the certificates of the record to remove; none if all serials of the order are revoked already. Throws
 * `no-such-certificate`.
 */
export async function certificatesToRemove(
  { context }: Pick<Issuance, 'context'>,
  { serials, labelKey }: Pick<RevocationOrder, 'serials'> & { readonly labelKey: Uint8Array },
  state: LabelState,
): Promise<ParsedCertificate[]> {
  if (serials === 'all') return [...state.certificates];
  const removed = state.certificates.filter(({ serial }) => serials.includes(serial));
  for (const serial of serials) {
    if (removed.some((certificate) => certificate.serial === serial)) continue;
    const row = await context.store.findCertificate(serial);
    const isDone = row !== undefined && equalBytes(row.labelKey, labelKey) && row.version <= state.version;
    ensure(isDone, 'no-such-certificate', 'the identity has no certificate with this serial');
  }
  return removed;
}

async function nextRecord(
  { context }: Issuance,
  { order, identity }: Work,
  state: LabelState,
  removed: readonly ParsedCertificate[],
): Promise<IdentityRecord> {
  const kept = state.certificates.filter((certificate) => !removed.includes(certificate));
  const authorization = await authorizationOf(context.origin, identity, order, state, kept);
  return {
    previousCommitment: state.commitment,
    certificates: kept.map(({ der }) => der),
    // A change by a key cancels a pending recovery; maintenance leaves it.
    pending: authorization.type === 'maintenance' ? state.record.pending : undefined,
    authorization,
  };
}

async function authorizationOf(
  origin: string,
  { label }: Identity,
  { change, reason }: RevocationOrder,
  state: LabelState,
  kept: readonly ParsedCertificate[],
): Promise<Authorization> {
  if (change === undefined) return { type: 'maintenance', kind: 'revocation', reason };
  const { request, authorization } = await verifyChange(change, state, { origin, label });
  const after = sortedHashSet(kept.map(({ keysSha256 }) => keysSha256));
  const same = equalBytes(concatBytes(...after), concatBytes(...request.spkisAfter));
  ensure(same, 'change-rejected', 'the change leaves other keys than this revocation');
  return authorization;
}

async function released(
  { progress }: Issuance,
  work: Work,
  { version, position }: Pick<Made, 'version' | 'position'>,
): Promise<Made> {
  work.ticket.submitted();
  await awaitReleased(progress, position, work.deadline.leftMs());
  return { version, position, certificate: undefined, serial: undefined };
}
