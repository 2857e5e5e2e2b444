import type { ParsedCertificate } from '../../ca/certificate.ts';
import type { Validity } from '../../ca/profile.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { type IdentityRecord, NO_COMMITMENT } from '../../identity/identity-record.ts';
import type { Identity } from '../../identity/identity.ts';
import type { CertificateRow } from '../../store/ports.ts';
import { closeOpenIntent } from '../sequencing/intent-closing.ts';
import type { LogContext } from '../log/log-context.ts';
import type { Act, ActName } from '../log/act.ts';
import type { NextVersion } from './continuity.ts';
import { leafRequest, lint, sign } from './sign.ts';
import { submit } from './submit.ts';
import type { WantedKeys } from './wanted-keys.ts';

/** What a certificate is signed for; the intent of the version is ours. */
export interface SigningOrder {
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  readonly keys: WantedKeys;
  /** Who asks, for the trail. */
  readonly who: string;
  readonly requestId: string | undefined;
  readonly requestHash: Uint8Array;
  /** What the trail calls it. Default: `certificate-issued`. */
  readonly act?: ActName;
}

/** Steps sign, lint and submit. Where one fails, the intent is closed, and what was signed goes to the CRL. */
export async function signAndSubmit(
  context: LogContext,
  order: SigningOrder,
  next: NextVersion,
  validity: Validity,
): Promise<{ row: CertificateRow; submissionId: number }> {
  const { identity, labelKey, keys, requestHash } = order;
  const { version } = next;
  let serial: string | undefined;
  try {
    const request = await leafRequest(context, keys, identity, validity);
    const der = await sign(context, request);
    serial = formatHex(request.serial);
    const row = certificateRow(order, version, lint(context, der, request));
    const record = recordOf(next, der);
    const { label } = identity;
    const act = actOf(order, next, row);
    return {
      row,
      submissionId: await submit(context, { label, labelKey, version, record, certificate: row, requestHash, act }),
    };
  } catch (error) {
    // After a conflict the intent is somebody else's.
    if (!isGlasskeyError(error, 'version-conflict')) {
      await closeOpenIntent(context, { labelKey, version }, serial).catch(() => undefined);
    }
    throw error;
  }
}

function actOf(
  { who, requestId, act }: SigningOrder,
  { previous, kept }: NextVersion,
  { serial }: CertificateRow,
): Act {
  const removed = (previous?.certificates ?? []).filter((certificate) => !kept.includes(certificate));
  const serials = removed.length === 0 ? undefined : removed.map((certificate) => certificate.serial);
  return { act: act ?? 'certificate-issued', who, request: requestId, serial, removed: serials };
}

function recordOf({ previous, kept, authorization }: NextVersion, certificate: Uint8Array): IdentityRecord {
  return {
    previousCommitment: previous?.commitment ?? NO_COMMITMENT,
    certificates: [...kept.map(({ der }) => der), certificate],
    // A change by a key cancels what is pending; maintenance leaves it.
    pending: authorization.type === 'maintenance' ? previous?.record.pending : undefined,
    authorization,
  };
}

function certificateRow(
  { labelKey, requestHash }: SigningOrder,
  version: number,
  certificate: ParsedCertificate,
): CertificateRow {
  const { serial, der, spkiSha256, notBeforeMs, notAfterMs } = certificate;
  const notRevoked = { revokedMs: undefined, revocationReason: undefined };
  return { serial, labelKey, version, der, spkiSha256, requestHash, notBeforeMs, notAfterMs, ...notRevoked };
}
