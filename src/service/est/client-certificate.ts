import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { LogContext } from '../log/log-context.ts';
import { isCertificateOf } from '../log/stored-certificate.ts';

/**
 * Verifies a client certificate (DER, untrusted) after TLS has proved possession of its key. This log must have issued
 * it, and it must be valid now and not revoked. Throws `unauthenticated` without the reason otherwise.
 */
export async function verifyClientCertificate(
  { reloadable, store, now }: Pick<LogContext, 'reloadable' | 'store' | 'now'>,
  der: Uint8Array,
): Promise<ParsedCertificate> {
  try {
    const certificate = parseCertificate(der);
    const { notBeforeMs, notAfterMs, serial } = certificate;
    await reloadable.issuingCas.assertIssued(certificate);
    const nowMs = now();
    ensure(nowMs >= notBeforeMs && nowMs <= notAfterMs, 'certificate-expired', 'not valid now');
    // A certificate that was signed but not recorded, as by a stolen CA key, is refused even under a known serial.
    const recorded = await store.findCertificate(serial);
    const isRecorded = recorded !== undefined && isCertificateOf(recorded, der);
    ensure(isRecorded, 'certificate-not-in-record', 'not recorded by this log');
    ensure(recorded.revokedMs === undefined, 'certificate-revoked', 'revoked');
    return certificate;
  } catch (cause) {
    if (!isGlasskeyError(cause) || cause.fault === 'storage') throw cause;
    throw new GlasskeyError('unauthenticated', 'the client certificate is not accepted', { cause });
  }
}
