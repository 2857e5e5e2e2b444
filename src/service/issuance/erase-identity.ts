import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import { parseCertificate } from '../../ca/certificate.ts';
import type { ErasedRows, TrailHead } from '../../store/ports.ts';
import { awaitReleased, Deadline } from './await-log.ts';
import { canonicalise } from '../intake.ts';
import type { Issuance } from './issuance.ts';
import { makeVersion } from './make-version.ts';
import { requestHash } from './requests.ts';

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

/** An empty version of an identity; what the versions before it hold is to be deleted. */
interface Emptied {
  readonly version: number;
  readonly position: number;
  /** Versions below this one are deleted. */
  readonly before: number;
}

/**
 * Erases an identity (docs/spec.md#identity-record). A version that holds nothing (`maintenance: erasure`) goes into
 * the log, the certificates go to the CRL. Once the version is released, the openings of the versions before it, their
 * certificates and the plaintext name are deleted. The log keeps commitments and VRF outputs, so every proof and audit
 * holds. A record without certificates gets no such version, and its last version is emptied too. Idempotent. Throws
 * `invalid-identity`, `identity-not-found`, `version-conflict` while another request changes the identity, `timed-out`.
 */
export async function eraseIdentity(issuance: Issuance, order: ErasureOrder): Promise<Erasure> {
  const { context, progress } = issuance;
  const identity = canonicalise(order.identity, context.identityRules);
  const labelKey = await context.vrf.labelKey(identity.label);
  const deadline = new Deadline(context.limits.requestTimeoutMs);
  const emptied = await emptyRecord(issuance, { identity, labelKey, who: order.who, deadline });
  await awaitReleased(progress, emptied.position, deadline.leftMs());
  const { version, position } = emptied;
  const erasedMs = context.now();
  const act = { at: erasedMs, act: 'identity-erased', identity: formatHex(labelKey), version, position } as const;
  const { deleted, trail } = await context.trail.record([{ ...act, who: order.who }], async (record) => ({
    deleted: await context.store.erase(labelKey, emptied.before, record),
    trail: { size: record.sequence + 1, hash: record.hash },
  }));
  return { identity: identity.text, labelKey, version, position, erasedMs, deleted, trail };
}

interface Work {
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  readonly who: string;
  readonly deadline: Deadline;
}

async function emptyRecord(issuance: Issuance, work: Work): Promise<Emptied> {
  const { labelKey, identity, who } = work;
  for (;;) {
    const row = await issuance.context.store.readLabelAt(labelKey, Number.MAX_SAFE_INTEGER);
    ensure(row !== undefined, 'identity-not-found', 'the identity is not registered');
    const { version, position, value, commitment } = row.greatest;
    if (value === undefined) return { version, position, before: version + 1 };
    const { certificates, authorization } = decodeIdentityRecord(value);
    const isErased = authorization.type === 'maintenance' && authorization.kind === 'erasure';
    if (isErased) return { version, position, before: version };
    // Nothing but a recovery or the operator can follow an empty record (docs/spec.md#identity-record).
    if (certificates.length === 0) return { version, position, before: version + 1 };
    const hash = requestHash('erasure', identity.label, [commitment], undefined);
    const claim = { label: identity.label, labelKey, version: version + 1, requestHash: hash };
    const removed = certificates.map((der) => parseCertificate(der).serial);
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
