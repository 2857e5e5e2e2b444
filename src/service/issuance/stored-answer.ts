import type { LogContext } from '../log/log-context.ts';
import type { LabelState } from '../log/label-state.ts';
import { isCertificateOf } from '../log/stored-certificate.ts';
import type { Made } from './issuance.ts';

/** The part of a certificate's validity after which a repeated request is a renewal. */
const RENEWAL_PART = 2 / 3;

/**
 * Returns the stored answer to a request (docs/architecture.md#one-registration): its certificate, unless that is
 * revoked or due for renewal. The caller has read and proved `state` before, so that an answer in the log is always
 * found. The row only says which certificate of the proved record it is: one that the record lacks is no answer.
 */
export async function findStoredAnswer(
  { store, now }: Pick<LogContext, 'store' | 'now'>,
  request: { readonly labelKey: Uint8Array; readonly requestHash: Uint8Array },
  state: LabelState | undefined,
): Promise<Made | undefined> {
  if (state === undefined) return undefined;
  const { labelKey, requestHash } = request;
  const row = await store.findCertificateByRequest(labelKey, requestHash);
  if (row === undefined || row.version > state.version || row.revokedMs !== undefined) return undefined;
  const found = state.certificates.find(({ der }) => isCertificateOf(row, der));
  if (found === undefined) return undefined;
  const { notBeforeMs, notAfterMs, der, serial } = found;
  if (now() >= notBeforeMs + (notAfterMs - notBeforeMs) * RENEWAL_PART) return undefined;
  const made = { version: row.version, certificate: der, serial };
  if (row.version === state.version) return { ...made, position: state.position };
  const [version] = await store.readVersions(labelKey, row.version, row.version);
  return version === undefined ? undefined : { ...made, position: version.position };
}
