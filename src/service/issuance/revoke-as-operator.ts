import type { ParsedCertificate } from '../../ca/certificate.ts';
import { encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Act } from '../log/act.ts';
import type { LabelName } from '../log/proved-state.ts';
import { readProvedState } from '../log/proved-state.ts';
import type { LabelState } from '../log/label-state.ts';
import { canonicalise } from '../intake.ts';
import { awaitReleased, Deadline } from './await-log.ts';
import type { Issuance } from './issuance.ts';
import { makeVersion } from './make-version.ts';
import { requestHash } from './requests.ts';
import { certificatesToRemove, parseSerials } from './revoke-certificates.ts';

/** Longest reason in words: the record has room for so much. */
const MAX_WHY_BYTES = 255;

/** An administrator's order to revoke certificates. */
export interface OperatorRevocation {
  /** The identity as typed. */
  readonly identity: string;
  /** Lower-case hex; all certificates of a key, named by the SHA-256 of its SPKI in hex; or all of the record. */
  readonly which: { readonly serials: readonly string[] } | { readonly keySha256: string } | 'all';
  /** RFC 5280 reason code, for the CRL. */
  readonly reason: number;
  /** The reason in words: 1 to 255 bytes. The record shows it to everybody. */
  readonly why: string;
  /** The administrator, for the trail. */
  readonly who: string;
  /** True to cancel a recovery that is pending: a version by the operator leaves none. Default: refuses the name. */
  readonly cancelsRecovery?: boolean | undefined;
}

/** A revocation by an administrator, in the released log. */
export interface OperatorRevoked {
  /** The canonical identity. */
  readonly identity: string;
  /** The version without the certificates: a new one, or the present one if all of them were revoked before. */
  readonly version: number;
  readonly position: number;
  /** Serials that this call removed, lower-case hex. */
  readonly revoked: readonly string[];
}

interface Work extends LabelName {
  readonly order: OperatorRevocation;
  readonly deadline: Deadline;
}

/**
 * Revokes certificates on an administrator's word: makes a version by the `operator` without them, which the owner and
 * every contact are warned of. The certificates go to the CRL in the same transaction. Idempotent. Throws
 * `invalid-identity`, `invalid-request`, `identity-not-found`, `no-such-certificate`, `recovery-pending`,
 * `version-conflict`, `timed-out` if no server appends.
 */
export async function revokeAsOperator(issuance: Issuance, order: OperatorRevocation): Promise<OperatorRevoked> {
  const { context, progress } = issuance;
  const { which, reason, why } = order;
  parseSerials({ serials: typeof which === 'object' && 'serials' in which ? which.serials : 'all', reason });
  const bytes = Buffer.byteLength(why);
  const fits = bytes >= 1 && bytes <= MAX_WHY_BYTES;
  ensure(fits, 'invalid-request', `a reason in words has 1 to ${MAX_WHY_BYTES} bytes; it is public`);
  const { label, text: identity } = canonicalise(order.identity, context.identityRules);
  const labelKey = await context.vrf.labelKey(label);
  const deadline = new Deadline(context.limits.requestTimeoutMs);
  for (;;) {
    const made = await attempt(issuance, { order, label, labelKey, deadline });
    if (made === undefined) continue;
    await awaitReleased(progress, made.position, deadline.leftMs());
    return { identity, ...made };
  }
}

/** Makes the version; returns undefined if the caller has to read the record again. */
async function attempt(issuance: Issuance, work: Work): Promise<Omit<OperatorRevoked, 'identity'> | undefined> {
  const { context } = issuance;
  const { order, label, labelKey, deadline } = work;
  const state = await readProvedState(issuance, { label, labelKey }, deadline);
  ensure(state !== undefined, 'identity-not-found', 'the identity is not registered');
  const removed = await chosen(issuance, work, state);
  if (removed.length === 0) return { version: state.version, position: state.position, revoked: [] };
  const recovery = await context.store.findRecovery(labelKey);
  // A version by the operator uses up a grant, and then the recovery could never take effect.
  const isCancelled = state.record.pending !== undefined || recovery?.state === 'granted';
  const isFree = !isCancelled || order.cancelsRecovery === true;
  ensure(isFree, 'recovery-pending', 'a recovery of the identity is pending, and this revocation would cancel it');
  const serials = removed.map(({ serial }) => serial);
  const { why, reason, who } = order;
  const record = {
    previousCommitment: state.commitment,
    certificates: state.certificates.filter((one) => !removed.includes(one)).map(({ der }) => der),
    pending: undefined,
    authorization: { type: 'operator', reason: why },
  } as const;
  const hash = requestHash(
    'operator-revocation',
    label,
    [encodeUtf8(`${reason} ${serials.join()}`), encodeUtf8(why)],
    undefined,
  );
  const claim = { label, labelKey, version: state.version + 1, requestHash: hash };
  const act: Act = { act: 'certificates-revoked', who, removed: serials, reason, why };
  const made = await makeVersion(issuance, claim, { deadline }, () => ({ record, certificate: undefined, act }));
  if (made === undefined) return undefined;
  if (isCancelled && recovery !== undefined) await context.store.dropRecovery(recovery);
  return { version: made.version, position: made.position, revoked: serials };
}

async function chosen(
  issuance: Issuance,
  { order: { which }, labelKey }: Work,
  state: LabelState,
): Promise<readonly ParsedCertificate[]> {
  if (which === 'all') return state.certificates;
  if ('serials' in which) return certificatesToRemove(issuance, { serials: which.serials, labelKey }, state);
  const found = state.certificates.filter(({ spkiSha256 }) => formatHex(spkiSha256) === which.keySha256);
  ensure(found.length > 0, 'no-such-certificate', 'no certificate of the identity has this key');
  return found;
}
