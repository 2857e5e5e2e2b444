import { ExtensionOid } from '../der/oids.ts';
import { ALL_REASONS, type DistributionPoint, parseDistributionPoints } from './distribution-points.ts';
import { nameKey } from './general-name.ts';
import type { ParsedCrl } from './parse-crl.ts';
import type { PathCertificate } from './path-certificate.ts';
import { sameNames } from './relative-names.ts';

/**
 * Returns the distribution points of a certificate, and the one that every certificate has: of its issuer's name, for
 * CRLs that no point names (RFC 5280 §6.3.3). Throws `malformed-encoding`.
 */
export function distributionPointsOf({ contents, issuer }: PathCertificate): readonly DistributionPoint[] {
  const extension = contents.rawExtensions.find(({ oid }) => oid === ExtensionOid.crlDistributionPoints);
  const named = extension === undefined ? [] : parseDistributionPoints(extension.value, issuer);
  const names = [nameKey({ kind: 'directory', value: issuer })];
  return [...named, { names, reasons: ALL_REASONS, crlIssuers: undefined }];
}

/** Returns the reasons for which the CRL covers the certificate, as bits (RFC 5280 §6.3.3 (b), (d)); 0: it does not. */
export function coveredReasons(
  crl: ParsedCrl,
  certificate: PathCertificate,
  points: readonly DistributionPoint[],
): number {
  const { scope } = crl;
  const { isCa } = certificate.contents;
  if (scope !== undefined) {
    if (scope.onlyAttributeCertificates) return 0;
    if (isCa ? scope.onlyUserCertificates : scope.onlyCaCertificates) return 0;
  }
  const reasons = points
    .filter((point) => isIssuedFor(crl, certificate, point) && isAt(crl, point))
    .reduce((mask, point) => mask | point.reasons, 0);
  return reasons & (scope?.reasons ?? ALL_REASONS);
}

/** Returns true if the CRL's issuer is the one that the point names, else the certificate's (§6.3.3 (b) (1)). */
function isIssuedFor({ issuer, scope }: ParsedCrl, certificate: PathCertificate, point: DistributionPoint): boolean {
  if (point.crlIssuers === undefined) return sameNames(issuer, certificate.issuer);
  return scope?.isIndirect === true && point.crlIssuers.some((name) => sameNames(issuer, name));
}

/** Returns true if the CRL's own point, if it has one, is this one (§6.3.3 (b) (2) (i)). */
function isAt({ scope }: ParsedCrl, { names, crlIssuers = [] }: DistributionPoint): boolean {
  if (scope?.names === undefined) return true;
  const wanted = names ?? crlIssuers.map((value) => nameKey({ kind: 'directory', value }));
  return scope.names.some((name) => wanted.includes(name));
}
