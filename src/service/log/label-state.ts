import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import { ensure } from '../../core/errors.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import type { ReadLinks } from '../../identity/read-back.ts';
import type { LogContext } from './log-context.ts';

/** The greatest committed version of an identity, with its certificates read. */
export interface LabelState extends HeldVersion {
  readonly position: number;
  readonly certificates: readonly ParsedCertificate[];
}

/**
 * Reads the state of a label as the database says it, for a caller that signs nothing by it (see `readProvedState`):
 * committed, released or not; undefined if it has no version. One round trip. Throws `erased`.
 */
export async function readLabelState(
  { store }: Pick<LogContext, 'store'>,
  labelKey: Uint8Array,
): Promise<LabelState | undefined> {
  const row = await store.readLabelAt(labelKey, Number.MAX_SAFE_INTEGER);
  if (row === undefined) return undefined;
  const { version, commitment, position, value } = row.greatest;
  ensure(value !== undefined, 'erased', 'the identity was erased');
  return withCertificates({ version, commitment, record: decodeIdentityRecord(value) }, position);
}

/** Returns a read of a label's versions for `readBack`, which proves them; none for a version whose content is gone. */
export function readLinksOf({ store }: Pick<LogContext, 'store'>, labelKey: Uint8Array): ReadLinks {
  return async (first, last) => {
    const rows = await store.readVersions(labelKey, first, last);
    return rows.map(({ opening, value }) => (opening && value ? { opening, value } : undefined));
  };
}

/** Returns a version with the certificates of its record read. */
export function withCertificates(held: HeldVersion, position: number): LabelState {
  return { ...held, position, certificates: held.record.certificates.map((der) => parseCertificate(der)) };
}
