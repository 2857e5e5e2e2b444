import type { ParsedCertificate } from '../../ca/certificate.ts';
import type { Validity } from '../../ca/profile.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { type IdentityRecord, NO_COMMITMENT } from '../../identity/identity-record.ts';
import type { Identity } from '../../identity/identity.ts';
import type { LogContext } from '../log/log-context.ts';
import type { RequestSettings } from '../log/reloadable.ts';
import type { Act, ActName } from '../log/act.ts';
import type { NextVersion } from './continuity.ts';
import { leafRequest, lint, sign, type WantedKeys } from './sign.ts';
import type { SignedCertificate, VersionContent } from './submit.ts';

/** The certificate to sign. The caller has claimed its version. */
export interface SigningOrder {
  readonly identity: Identity;
  readonly labelKey: Uint8Array;
  readonly keys: WantedKeys;
  /** The requester, for the trail. */
  readonly who: string;
  readonly requestId: string | undefined;
  readonly requestHash: Uint8Array;
  /** The trail's name for it. Default: `certificate-issued`. */
  readonly act?: ActName;
}

/** Steps `sign` and `lint`: the content of a version that brings a new certificate. For `makeVersion`. */
export async function signVersion(
  { context, settings }: { readonly context: LogContext; readonly settings: RequestSettings },
  order: SigningOrder,
  next: NextVersion,
  validity: Validity,
  signed: (serial: string) => void,
): Promise<VersionContent & { readonly certificate: SignedCertificate }> {
  const request = await leafRequest(context, settings, order.keys, order.identity, validity);
  const der = await sign(context, settings, request);
  signed(formatHex(request.serial));
  const certificate = certificateRow(order, next.version, lint(context, settings, der, request));
  return { certificate, record: recordOf(next, der), act: actOf(order, next, certificate) };
}

function actOf(
  { who, requestId, act }: SigningOrder,
  { previous, kept }: NextVersion,
  { serial }: SignedCertificate,
): Act {
  const removed = (previous?.certificates ?? []).filter((certificate) => !kept.includes(certificate));
  const serials = removed.length === 0 ? undefined : removed.map((certificate) => certificate.serial);
  return { act: act ?? 'certificate-issued', who, request: requestId, serial, removed: serials };
}

function recordOf({ previous, kept, authorization }: NextVersion, certificate: Uint8Array): IdentityRecord {
  return {
    previousCommitment: previous?.commitment ?? NO_COMMITMENT,
    certificates: [...kept.map(({ der }) => der), certificate],
    // A change by a key cancels a pending recovery; maintenance leaves it.
    pending: authorization.type === 'maintenance' ? previous?.record.pending : undefined,
    authorization,
  };
}

function certificateRow(
  { labelKey, requestHash }: SigningOrder,
  version: number,
  certificate: ParsedCertificate,
): SignedCertificate {
  const { serial, der, spkiSha256, notBeforeMs, notAfterMs } = certificate;
  const notRevoked = { revokedMs: undefined, revocationReason: undefined };
  return { serial, labelKey, version, der, spkiSha256, requestHash, notBeforeMs, notAfterMs, ...notRevoked };
}
