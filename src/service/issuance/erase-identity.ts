import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import { parseCertificate } from '../../ca/certificate.ts';
import type { ErasedRows, TrailHead } from '../../store/ports.ts';
import { closeOpenIntent } from '../sequencing/intent-closing.ts';
import type { LogContext } from '../log/log-context.ts';
import type { Act } from '../log/act.ts';
import { awaitReleased, awaitSequenced } from './await-log.ts';
import { Deadline } from './follow-intent.ts';
import { canonicalise } from '../intake.ts';
import type { Issuance } from './issuance.ts';
import { recordIntent } from './record-intent.ts';
import { requestHash } from './request-hash.ts';
import { submit } from './submit.ts';

/** What an administrator asks for. */
export interface ErasureOrder {
  /** The identity as typed. */
  readonly identity: string;
  /** Who asks, for the trail. */
  readonly who: string;
}

/** An erasure that is done. */
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

/** A version of the log below which everything is to be deleted. */
interface Emptied {
  readonly version: number;
  readonly position: number;
  /** Versions below this one are deleted. */
  readonly before: number;
}

/**
 * Erases an identity (DESIGN §7): a version that holds nothing (`maintenance: erasure`) goes into the log, its certificates
 * to the CRL, and once that is released, what the versions before it opened to, their certificates and the plaintext name
 * are deleted. The log keeps commitments and VRF outputs, so every proof and audit holds. A record that held nothing
 * already has no such version: then the last one is emptied too. Safe to repeat. Throws `invalid-identity`,
 * `identity-not-found`, `version-conflict` while somebody changes the identity, `timed-out`.
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

async function emptyRecord({ context, progress }: Issuance, work: Work): Promise<Emptied> {
  const { labelKey, identity, deadline, who } = work;
  const row = await context.store.readLabelAt(labelKey, Number.MAX_SAFE_INTEGER);
  ensure(row !== undefined, 'identity-not-found', 'the identity is not registered');
  const { version, position, value, commitment } = row.greatest;
  if (value === undefined) return { version, position, before: version + 1 };
  const { certificates, authorization } = decodeIdentityRecord(value);
  const isErased = authorization.type === 'maintenance' && authorization.kind === 'erasure';
  if (isErased) return { version, position, before: version };
  // Nothing but a recovery or the operator can follow an empty record (DESIGN §7).
  if (certificates.length === 0) return { version, position, before: version + 1 };
  const removed = certificates.map((der) => parseCertificate(der).serial);
  const next = {
    label: identity.label,
    labelKey,
    version: version + 1,
    record: {
      previousCommitment: commitment,
      certificates: [],
      pending: undefined,
      authorization: { type: 'maintenance', kind: 'erasure' },
    },
    certificate: undefined,
    requestHash: requestHash('erasure', identity.label, [commitment], undefined),
    act: { act: 'certificates-revoked', who, removed } satisfies Act,
  } as const;
  const submissionId = await submitOwn(context, next);
  const added = await awaitSequenced(progress, submissionId, deadline.leftMs());
  return { version: version + 1, position: added, before: version + 1 };
}

/** Claims the version and submits it; the same erasure under way elsewhere is waited for by asking again. */
async function submitOwn(context: LogContext, next: Parameters<typeof submit>[1]): Promise<number> {
  const { labelKey, version } = next;
  const recorded = await recordIntent(context, next);
  if (!recorded.own) {
    const { submissionId } = recorded.existing;
    ensure(submissionId !== undefined, 'version-conflict', 'the same erasure is under way: ask again');
    return submissionId;
  }
  return submit(context, next).catch(async (error: unknown) => {
    await closeOpenIntent(context, { labelKey, version }, undefined).catch(() => undefined);
    throw error;
  });
}
