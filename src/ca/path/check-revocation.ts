import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { verifySignature } from '../verify-signature.ts';
import { type ParsedCrl, parseCrl } from './parse-crl.ts';
import type { PathCertificate } from './path-certificate.ts';
import { sameNames } from './relative-names.ts';

/**
 * Looks the certificates of a path up in CRLs (RFC 5280 §6.3; DER, untrusted), each in that of its issuer on the path. The
 * leaf must be covered by one; other certificates are looked up where there is one. Throws `certificate-revoked`;
 * `bad-certificate` for a CRL that cannot be read, that is not valid at `atMs`, that its issuer may not sign or has not
 * signed, and where there is none for the leaf.
 */
export async function checkRevocation(
  path: readonly PathCertificate[],
  crls: readonly Uint8Array[],
  atMs: number,
): Promise<void> {
  const parsed = crls.map((der) => parseCrl(der));
  for (let depth = 0; depth + 1 < path.length; depth++) {
    const subject = path[depth] as PathCertificate;
    const issuer = path[depth + 1] as PathCertificate;
    const own = parsed.filter((crl) => isOf(crl, issuer));
    ensure(depth > 0 || own.length > 0, 'bad-certificate', 'no CRL tells whether the certificate is revoked');
    for (const crl of own) {
      // eslint-disable-next-line no-await-in-loop -- a path has a few CRLs at most
      await assertCrl(crl, issuer, atMs);
      const isRevoked = crl.revoked.has(subject.contents.serial);
      if (isRevoked) throw new GlasskeyError('certificate-revoked', `${subject.contents.serial} is revoked`);
    }
  }
}

function isOf({ issuer, authorityKeyId }: ParsedCrl, { subject, contents }: PathCertificate): boolean {
  if (!sameNames(issuer, subject)) return false;
  const { subjectKeyId } = contents;
  return authorityKeyId === undefined || subjectKeyId === undefined || equalBytes(authorityKeyId, subjectKeyId);
}

async function assertCrl(crl: ParsedCrl, { contents }: PathCertificate, atMs: number): Promise<void> {
  const { keyUsage, publicKey } = contents;
  const mayIssue = keyUsage === undefined || keyUsage.has('cRLSign');
  ensure(mayIssue, 'bad-certificate', 'the CA of the CRL may not sign CRLs');
  const isCurrent = atMs >= crl.thisUpdateMs && atMs <= crl.nextUpdateMs;
  ensure(isCurrent, 'bad-certificate', 'the CRL is not of that time');
  try {
    await verifySignature(publicKey, crl.signatureAlgorithm, crl.tbs, crl.signature);
  } catch (cause) {
    throw new GlasskeyError('bad-certificate', 'the CA has not signed the CRL', { cause });
  }
}
