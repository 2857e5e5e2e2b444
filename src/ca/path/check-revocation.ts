import { equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { withCode } from '../der/with-code.ts';
import { coveredReasons, distributionPointsOf } from './crl-coverage.ts';
import { CrlSigners, type SignerSources } from './crl-signers.ts';
import { ALL_REASONS } from './distribution-points.ts';
import { entryKey, type ParsedCrl, parseCrl } from './parse-crl.ts';
import type { PathCertificate } from './path-certificate.ts';
import { sameNames } from './relative-names.ts';

/**
 * Checks the certificates of a path against CRLs (RFC 5280 §6.3; DER, untrusted): complete ones, indirect ones, parts
 * by reason, and their deltas. A CRL is signed by a key of its issuer: on the path, or in a certificate among `sources`
 * that leads to the same anchor and is not revoked. CRLs must cover the leaf for all reasons; other certificates too,
 * if there is any CRL about them: one whose signer is unknown may list them.
 *
 * Throws `certificate-revoked`. Throws `bad-certificate` for a CRL that cannot be read, and if the CRLs that are valid
 * at `atMs` and signed by who may sign CRLs do not cover a certificate.
 */
export async function checkRevocation(
  path: readonly PathCertificate[],
  crls: readonly Uint8Array[],
  atMs: number,
  sources: SignerSources = {},
): Promise<void> {
  const parsed = crls.map((der) => parseCrl(der));
  const signers = new CrlSigners(sources, atMs, path.at(-1) as PathCertificate, (other) =>
    checkAll(other, parsed, signers),
  );
  await checkAll(path, parsed, signers);
}

async function checkAll(
  path: readonly PathCertificate[],
  crls: readonly ParsedCrl[],
  signers: CrlSigners,
): Promise<void> {
  for (let depth = 0; depth + 1 < path.length; depth++) {
    // eslint-disable-next-line no-await-in-loop -- a path has a few certificates at most
    await checkOne(path.slice(depth), crls, signers, depth === 0);
  }
}

/** Checks the first certificate of a path, which CRLs must cover if `isRequired`. */
async function checkOne(
  path: readonly PathCertificate[],
  crls: readonly ParsedCrl[],
  signers: CrlSigners,
  isRequired: boolean,
): Promise<void> {
  const [subject] = path as [PathCertificate];
  const points = withCode('bad-certificate', 'certificate', () => distributionPointsOf(subject));
  const covering = crls.filter((crl) => coveredReasons(crl, subject, points) !== 0);
  const valid: ParsedCrl[] = [];
  let failure: GlasskeyError | undefined;
  for (const crl of covering) {
    try {
      // eslint-disable-next-line no-await-in-loop -- a path has a few CRLs at most
      await signers.assertSigned(crl, path.slice(1));
      valid.push(crl);
    } catch (error) {
      if (!(error instanceof GlasskeyError)) throw error;
      failure ??= error;
    }
  }
  const complete = valid.filter(({ baseNumber }) => baseNumber === undefined);
  const isRevoked = complete.some((crl) =>
    revokes(crl, valid, entryKey(subject.contents.serial, subject.issuer, crl.issuer)),
  );
  if (isRevoked) throw new GlasskeyError('certificate-revoked', `certificate ${subject.contents.serial} is revoked`);
  const covered = complete.reduce((mask, crl) => mask | coveredReasons(crl, subject, points), 0);
  if (covered === ALL_REASONS) return;
  if (!isRequired && covering.length === 0) return;
  throw failure ?? new GlasskeyError('bad-certificate', `no CRL covers certificate ${subject.contents.serial}`);
}

/** Returns true if a complete CRL, with its newest delta, lists the certificate. */
function revokes(complete: ParsedCrl, valid: readonly ParsedCrl[], key: string): boolean {
  let newest: ParsedCrl | undefined;
  for (const crl of valid) {
    if (goesWith(crl, complete) && (newest === undefined || crl.number > newest.number)) newest = crl;
  }
  if (newest?.revoked.has(key) === true) return true;
  return complete.revoked.has(key) && newest?.removed.has(key) !== true;
}

/** Returns true for a delta that lists changes since the complete CRL (RFC 5280 §5.2.4, §6.3.3 (c)). */
function goesWith(delta: ParsedCrl, complete: ParsedCrl): boolean {
  const { baseNumber, number } = delta;
  const isNewer = baseNumber !== undefined && baseNumber <= complete.number && number > complete.number;
  return (
    isNewer && sameNames(delta.issuer, complete.issuer) && sameKeyId(delta, complete) && sameScope(delta, complete)
  );
}

function sameKeyId({ authorityKeyId: some }: ParsedCrl, { authorityKeyId: other }: ParsedCrl): boolean {
  return some === undefined || other === undefined ? some === other : equalBytes(some, other);
}

function sameScope(some: ParsedCrl, other: ParsedCrl): boolean {
  return JSON.stringify(some.scope) === JSON.stringify(other.scope);
}
