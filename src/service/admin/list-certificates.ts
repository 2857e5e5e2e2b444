import { encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import type { ListedCertificate } from '../../store/ports.ts';
import { reasonName } from '../../ca/crl-entries.ts';
import type { LogContext } from '../log/log-context.ts';
import { readCertificate } from '../log/stored-certificate.ts';
import { identityText } from './list-identities.ts';

/** Rows that one statement reads. */
const PAGE = 1_000;
/** Most certificates listed for one identity. */
const MAX_OF_IDENTITY = 100_000;

/** The statuses of a certificate. `pending`: it is signed, but its version is not in the log yet. */
export const CERTIFICATE_STATUSES = ['valid', 'expired', 'revoked', 'pending'] as const;
/** The status of a certificate. */
export type CertificateStatus = (typeof CERTIFICATE_STATUSES)[number];

/** A certificate as an administrator sees it. */
export interface CertificateInfo {
  /** Lower-case hex. */
  readonly serial: string;
  /** The canonical identity; undefined after an erasure, or while the identity is not in the log. */
  readonly identity: string | undefined;
  /** The version of the identity that added the certificate. */
  readonly version: number;
  readonly status: CertificateStatus;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly revokedMs: number | undefined;
  /** The name of the RFC 5280 reason code. */
  readonly reason: string | undefined;
  /** SHA-256 of the key, hex. */
  readonly spkiSha256: string;
}

/** A filter for listed certificates. */
export interface CertificateFilter {
  /** A part of the canonical identity. */
  readonly search?: string | undefined;
  /** One identity, as typed. Throws `invalid-identity`. */
  readonly identity?: string | undefined;
  readonly status?: CertificateStatus | undefined;
}

type AdminContext = Pick<LogContext, 'store' | 'now' | 'vrf' | 'identityRules'>;

/** Yields matching certificates, page by page: memory does not grow with their number. Throws `invalid-identity`. */
export async function* listCertificates(
  context: AdminContext,
  filter: CertificateFilter,
): AsyncGenerator<CertificateInfo> {
  for await (const row of rowsOf(context, filter)) {
    const info = certificateInfo(row, context.now());
    if (filter.status === undefined || info.status === filter.status) yield info;
  }
}

async function* rowsOf(
  { store, vrf, identityRules }: AdminContext,
  { identity, search }: CertificateFilter,
): AsyncGenerator<ListedCertificate> {
  if (identity !== undefined) {
    const { label, text } = canonicalIdentity(identity, identityRules);
    if (search !== undefined && !text.includes(search)) return;
    yield* await store.listCertificatesOf(await vrf.labelKey(label), MAX_OF_IDENTITY);
    return;
  }
  const bytes = search === undefined ? undefined : encodeUtf8(search);
  for (let after: string | undefined; ;) {
    const page = await store.listCertificates({ after, limit: PAGE, search: bytes });
    yield* page.rows;
    if (page.next === undefined) return;
    after = page.next;
  }
}

/**
 * Finds a certificate by its serial (lower-case hex); `der` is undefined while its version is not in the log. Throws
 * `no-such-certificate`, `value-out-of-range`, `storage-corrupt`.
 */
export async function findCertificate(
  { store, now }: Pick<LogContext, 'store' | 'now'>,
  serial: string,
): Promise<{ readonly info: CertificateInfo; readonly der: Uint8Array | undefined }> {
  const row = await store.findCertificate(serial);
  ensure(row !== undefined, 'no-such-certificate', 'there is no certificate with this serial');
  const label = await store.findLabel(row.labelKey);
  const isLogged = label !== undefined && row.version <= label.greatestVersion;
  const info = certificateInfo({ ...row, label: label?.label, isLogged }, now());
  return { info, der: await readCertificate(store, row) };
}

function certificateInfo(row: ListedCertificate, nowMs: number): CertificateInfo {
  const { serial, label, version, notBeforeMs, notAfterMs, revokedMs, revocationReason, spkiSha256 } = row;
  return {
    serial,
    identity: label && identityText(label),
    version,
    status: statusOf(row, nowMs),
    notBeforeMs,
    notAfterMs,
    revokedMs,
    reason: revocationReason === undefined ? undefined : (reasonName(revocationReason) ?? String(revocationReason)),
    spkiSha256: formatHex(spkiSha256),
  };
}

function statusOf({ revokedMs, isLogged, notAfterMs }: ListedCertificate, nowMs: number): CertificateStatus {
  if (revokedMs !== undefined) return 'revoked';
  if (!isLogged) return 'pending';
  return notAfterMs < nowMs ? 'expired' : 'valid';
}
