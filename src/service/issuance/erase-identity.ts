import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { ErasedRows, TrailHead } from '../../store/ports.ts';
import { awaitReleased, Deadline } from './await-log.ts';
import { canonicalise } from '../intake.ts';
import type { LogContext } from '../log/log-context.ts';
import { readProvedState } from '../log/proved-state.ts';
import { closeFailedIntent } from '../sequencing/intent-closing.ts';
import type { Issuance } from './issuance.ts';
import { claimIntent, makeVersion } from './make-version.ts';
import { requestHash } from './requests.ts';
import type { VersionClaim } from './submit.ts';

/** An administrator's order to erase an identity. */
export interface ErasureOrder {
  /** The identity as typed. */
  readonly identity: string;
  /** The administrator, for the trail. */
  readonly who: string;
}

/** A completed erasure. */
export interface Erasure {
  /** The canonical identity. */
  readonly identity: string;
  readonly labelKey: Uint8Array;
  /** The version that holds nothing. */
  readonly version: number;
  readonly position: number;
  readonly erasedMs: number;
  readonly deleted: ErasedRows;
  /** The trail with this act in it. */
  readonly trail: TrailHead;
}

/** The last version of an identity, which holds no certificates; what the versions before `before` hold is deleted. */
interface Emptied {
  readonly version: number;
  readonly position: number;
  /** Versions below this one are deleted. */
  readonly before: number;
  /** The next version, if it must stay claimed until everything is deleted. */
  readonly claimed?: VersionClaim;
}

/**
 * Erases an identity (docs/spec.md#identity-record). An empty version (`maintenance: erasure`) goes into the log, and
 * the certificates go to the CRL. Once the version is released, the openings of the versions before it, their
 * certificates and the plaintext name are deleted. The log keeps commitments and VRF outputs, so every proof and audit
 * holds. A record without certificates gets no such version; its last version is emptied too. The erasure then only
 * claims the next version, so that no other request makes it. Idempotent. Throws `invalid-identity`,
 * `identity-not-found`, `version-conflict` while another request changes the identity, `timed-out`.
 */
export async function eraseIdentity(issuance: Issuance, order: ErasureOrder): Promise<Erasure> {
  const { context, progress } = issuance;
  const identity = canonicalise(order.identity, context.identityRules);
  const labelKey = await context.vrf.labelKey(identity.label);
  const deadline = new Deadline(context.limits.requestTimeoutMs);
  const emptied = await emptyRecord(issuance, { identity, labelKey, who: order.who, deadline });
  try {
    await awaitReleased(progress, emptied.position, deadline.leftMs());
    const { version, position } = emptied;
    const erasedMs = context.now();
    const deletion = await deleteBefore(context, { ...emptied, labelKey, erasedMs, who: order.who });
    return { identity: identity.text, labelKey, version, position, erasedMs, ...deletion };
  } finally {
    if (emptied.claimed !== undefined) await closeFailedIntent(context, emptied.claimed, undefined);
  }
}

interface Deletion extends Emptied {
  readonly labelKey: Uint8Array;
  readonly erasedMs: number;
  readonly who: string;
}

async function deleteBefore(
  { store, trail }: LogContext,
  { labelKey, version, position, before, erasedMs, who }: Deletion,
): Promise<Pick<Erasure, 'deleted' | 'trail'>> {
  const identity = formatHex(labelKey);
  const act = { at: erasedMs, act: 'identity-erased', identity, version, position, who } as const;
  return trail.record([act], async (record) => ({
    deleted: await store.erase(labelKey, before, record),
    trail: { size: record.sequence + 1, hash: record.hash },
  }));
}

interface Work {
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  readonly who: string;
  readonly deadline: Deadline;
}

async function emptyRecord(issuance: Issuance, work: Work): Promise<Emptied> {
  const { labelKey, who, deadline } = work;
  const { label } = work.identity;
  for (;;) {
    const state = await readProvedState(issuance, { label, labelKey }, deadline).catch((error: unknown) => {
      if (isGlasskeyError(error, 'erased')) return 'erased' as const;
      throw error;
    });
    if (state === 'erased') return emptyBefore(issuance, labelKey);
    ensure(state !== undefined, 'identity-not-found', 'the identity is not registered');
    const { version, position, commitment, certificates, record } = state;
    const { authorization } = record;
    const hash = requestHash('erasure', label, [commitment], undefined);
    const claim = { label, labelKey, version: version + 1, requestHash: hash };
    const isErased = authorization.type === 'maintenance' && authorization.kind === 'erasure';
    if (isErased) return { version, position, before: version };
    // Nothing but a recovery or the operator can follow an empty record (docs/spec.md#identity-record).
    if (certificates.length === 0) {
      await claimIntent(issuance.context, claim);
      return { version, position, before: version + 1, claimed: claim };
    }
    const removed = certificates.map(({ serial }) => serial);
    const made = await makeVersion(issuance, claim, work, () => ({
      record: {
        previousCommitment: commitment,
        certificates: [],
        pending: undefined,
        authorization: { type: 'maintenance', kind: 'erasure' },
      },
      certificate: undefined,
      act: { act: 'certificates-revoked', who, removed },
    }));
    if (made !== undefined) return { version: made.version, position: made.position, before: made.version };
  }
}

/** Returns the last version of an identity whose last record is deleted already. It was proved to be the last one. */
async function emptyBefore({ context }: Issuance, labelKey: Uint8Array): Promise<Emptied> {
  const row = await context.store.readLabelAt(labelKey, Number.MAX_SAFE_INTEGER);
  ensure(row !== undefined, 'identity-not-found', 'the identity is not registered');
  const { version, position } = row.greatest;
  return { version, position, before: version + 1 };
}
