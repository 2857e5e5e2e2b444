import { HASH_LENGTH, sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import type { CertificateRow, LogStore } from '../../store/ports.ts';
import { asStored } from './stored-data.ts';

/**
 * Returns the content of the row of a certificate, DER, in a format of rows. From format 2 on it is the SHA-256: the
 * certificate itself is in the record of its version.
 */
export function certificateContent(der: Uint8Array, format: number): Uint8Array {
  return format >= 2 ? sha256(der) : der;
}

/** Returns true if a row is that of this certificate, DER, in whichever format it was written. */
export function isCertificateOf({ content }: Pick<CertificateRow, 'content'>, der: Uint8Array): boolean {
  // No certificate is as short as a hash.
  return equalBytes(content, content.length === HASH_LENGTH ? sha256(der) : der);
}

/**
 * Reads the certificate of a row, DER. Returns undefined while its version is not in the log, and if it never will be.
 * Throws `storage-corrupt` if the record of its version has no such certificate.
 */
export async function readCertificate(
  store: Pick<LogStore, 'readVersions'>,
  row: CertificateRow,
): Promise<Uint8Array | undefined> {
  if (row.content.length !== HASH_LENGTH) return row.content;
  const [version] = await store.readVersions(row.labelKey, row.version, row.version);
  const value = version?.value;
  if (value === undefined) return undefined;
  const isOther = `version ${row.version} of a label does not have the certificate ${row.serial}`;
  const { certificates } = asStored(isOther, () => decodeIdentityRecord(value));
  const found = certificates.find((der) => isCertificateOf(row, der));
  ensure(found !== undefined, 'storage-corrupt', isOther);
  return found;
}
