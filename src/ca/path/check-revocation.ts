import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { BACKDATE_MS } from '../profile.ts';
import { verifySignature } from '../verify-signature.ts';
import { type CrlCoverage, type ParsedCrl, parseCrl } from './parse-crl.ts';
import type { PathCertificate } from './path-certificate.ts';
import { sameNames } from './relative-names.ts';

/**
 * Checks the certificates of a path against CRLs (RFC 5280 §6.3; DER, untrusted). Each certificate is checked against
 * the covering CRLs of its issuer on the path, and their deltas. A complete CRL must cover the leaf; other certificates
 * are checked if there is one.
 *
 * Throws `certificate-revoked`. Throws `bad-certificate` for a CRL that cannot be read, is not valid at `atMs`, or is
 * not signed by an issuer that may sign CRLs, and if no CRL covers the leaf.
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
    const own = parsed.filter((crl) => isOf(crl, issuer) && covers(crl, subject));
    const complete = own.filter(({ baseNumber }) => baseNumber === undefined);
    ensure(depth > 0 || complete.length > 0, 'bad-certificate', 'no CRL covers the certificate');
    // eslint-disable-next-line no-await-in-loop -- a path has a few certificates and CRLs at most
    for (const crl of own) await assertCrl(crl, issuer, atMs);
    const { serial } = subject.contents;
    const isRevoked = complete.some((crl) => revokes(crl, own, serial));
    if (isRevoked) throw new GlasskeyError('certificate-revoked', `certificate ${serial} is revoked`);
  }
}

/** Returns true if a complete CRL, with its newest delta (§5.2.4), lists the certificate. */
function revokes(complete: ParsedCrl, own: readonly ParsedCrl[], serial: string): boolean {
  let newest: ParsedCrl | undefined;
  for (const crl of own) {
    const { baseNumber, number } = crl;
    const goesWith = baseNumber !== undefined && baseNumber <= complete.number && number > complete.number;
    if (goesWith && sameScope(crl, complete) && (newest === undefined || number > newest.number)) newest = crl;
  }
  if (newest?.revoked.has(serial) === true) return true;
  return complete.revoked.has(serial) && newest?.removed.has(serial) !== true;
}

function sameScope({ scope: some }: ParsedCrl, { scope: other }: ParsedCrl): boolean {
  if (some === undefined || other === undefined) return some === other;
  const kinds = ({ onlyUserCertificates, onlyCaCertificates }: CrlCoverage): string =>
    `${onlyUserCertificates} ${onlyCaCertificates}`;
  return kinds(some) === kinds(other) && some.urls?.join(' ') === other.urls?.join(' ');
}

/** Returns true if the CRL covers the certificate (§6.3.3 (b)). */
function covers({ scope }: ParsedCrl, { contents: { isCa, crlUrls } }: PathCertificate): boolean {
  if (scope === undefined) return true;
  if ((scope.onlyUserCertificates && isCa) || (scope.onlyCaCertificates && !isCa)) return false;
  return scope.urls === undefined || scope.urls.some((url) => crlUrls.includes(url));
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
  const isCurrent = atMs >= crl.thisUpdateMs - BACKDATE_MS && atMs <= crl.nextUpdateMs;
  ensure(isCurrent, 'bad-certificate', 'the CRL is not valid at that time');
  try {
    await verifySignature(publicKey, crl.signatureAlgorithm, crl.tbs, crl.signature);
  } catch (cause) {
    throw new GlasskeyError('bad-certificate', "the CA's signature on the CRL does not verify", { cause });
  }
}
