import { existsSync } from 'node:fs';
import { type Issuer, openIssuer } from '../ca/authority.ts';
import { parseCertificate } from '../ca/certificate.ts';
import { signCsr } from '../ca/csr/sign-csr.ts';
import { nodeVerifySignature } from '../ca/node-verify-signature.ts';
import { formatPem, parsePem } from '../ca/der/pem.ts';
import type { CaAlgorithm } from '../core/crypto/signer.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { type DataFolder, readServerConfig } from './data-folder.ts';
import { withKeys } from './key-ring.ts';
import { nextCaNumber, writeTime } from './later-cas.ts';
import { assertKindAllowed, assertRequired } from './log-requirements.ts';
import { nextBundle, storeBundle } from './next-bundle.ts';

/**
 * Returns a request (PKCS#10, PEM) for the folder's issuing key, which an offline root signs. It names the log's origin
 * for people: the root decides the content of the certificate. Throws `usage`, `bad-key-file`.
 */
export async function requestIntermediate(folder: DataFolder): Promise<string> {
  const { origin } = await readServerConfig(folder);
  const name = { kind: 'uri', value: `urn:glasskey:issuing-ca:${encodeURIComponent(origin)}` } as const;
  return withKeys(folder, async (keys) =>
    formatPem('CERTIFICATE REQUEST', await signCsr(await keys.signer('issuer'), name)),
  );
}

/**
 * Returns the request for the next issuing CA of a log that has begun. Creates its key, of this kind, if it is missing.
 * Throws `usage`, `bad-key-file`, `hsm-refused`, `hsm-unavailable`.
 */
export async function requestNext(folder: DataFolder, kind: CaAlgorithm): Promise<string> {
  const { origin } = await readServerConfig(folder);
  await assertKindAllowed(folder, kind);
  const n = nextCaNumber(folder);
  const name = { kind: 'uri', value: `urn:glasskey:issuing-ca-${n}:${encodeURIComponent(origin)}` } as const;
  return withKeys(folder, async (keys) =>
    formatPem('CERTIFICATE REQUEST', await signCsr(await keys.laterIssuer(n, kind), name)),
  );
}

/**
 * Installs the certificate that the root signed for the log's next issuing CA, with the next trust bundle. The folder
 * must have the bundle key. Servers announce the CA once they read it, and sign with it from `signsFromMs` on. The CAs
 * before it keep their CRLs and OCSP answers. Safe to repeat.
 * Throws `usage`, `bad-certificate`, `bad-signature`, `certificate-expired`, `bad-key-file`.
 */
export async function installNext(
  folder: DataFolder,
  certificatePem: string,
  times: { readonly nowMs: number; readonly signsFromMs: number },
): Promise<{ readonly name: string; readonly bundle: SignedTrustBundle }> {
  await readServerConfig(folder);
  const n = nextCaNumber(folder);
  const certificate = parsePem('CERTIFICATE', certificatePem);
  const pem = formatPem('CERTIFICATE', certificate);
  const root = parsePem('CERTIFICATE', (await folder.read(folder.certificate('root'))) ?? '');
  const bundle = await nextBundle(folder, async (current, keys) => {
    const { issuers } = current;
    const issuer = openIssuer(certificate, [root], await keys.laterIssuer(n));
    assertRequired(current, [], [{ issuer }]);
    await assertSignedBy(issuer, root, times.nowMs);
    const others = issuers.filter((one) => !equalBytes(parsePem('CERTIFICATE', one), certificate));
    for (const other of [root, ...others.map((one) => parsePem('CERTIFICATE', one))]) assertDistinct(issuer, other);
    return { issuers: [...others, pem] };
  });
  // The certificate comes last: servers look for it.
  await writeTime(folder, n, times.signsFromMs);
  await storeBundle(folder, bundle);
  await folder.write(folder.laterCertificate(n), pem);
  return { name: `issuer-${n}`, bundle };
}

/** Requires a name and a key of its own: programs find a CRL by its issuer's name, and a key has one purpose. */
function assertDistinct({ certificate }: Issuer, other: Uint8Array): void {
  const { subject, spki } = parseCertificate(other);
  const isDistinct = !equalBytes(subject.der, certificate.subject.der) && !equalBytes(spki, certificate.spki);
  ensure(isDistinct, 'bad-certificate', 'the next issuing CA must have a name and a key of its own');
}

/**
 * Replaces the CA certificates of `init` by an offline root and the certificate that it signed for the issuing key
 * (both PEM). Stores the next trust bundle, for which the folder must have the bundle key. Works only before the log
 * has begun, while nobody holds a certificate of the first CA. Safe to repeat.
 * Throws `usage`, `bad-certificate`, `bad-signature`, `certificate-expired`, `bad-key-file`.
 */
export async function installIntermediate(
  folder: DataFolder,
  certificatePem: string,
  rootPem: string,
  nowMs: number,
): Promise<SignedTrustBundle> {
  await readServerConfig(folder);
  ensure(
    !existsSync(folder.marker),
    'usage',
    'the log has begun: its first issuing CA cannot be replaced any more, only followed by another',
  );
  const root = parsePem('CERTIFICATE', rootPem);
  const certificate = parsePem('CERTIFICATE', certificatePem);
  const roots = [formatPem('CERTIFICATE', root)];
  const issuers = [formatPem('CERTIFICATE', certificate)];
  const next = await nextBundle(folder, async (current, keys) => {
    const issuer = openIssuer(certificate, [root], await keys.signer('issuer'));
    await assertSignedBy(issuer, root, nowMs);
    assertRequired(current, [], [{ issuer }]);
    return { roots, issuers };
  });
  await folder.write(folder.certificate('root'), roots.join(''));
  await folder.write(folder.certificate('issuer'), issuers.join(''));
  await storeBundle(folder, next);
  return next;
}

/** Throws unless `root` is a root that signed the issuer, and both are valid now. */
async function assertSignedBy({ certificate }: Issuer, root: Uint8Array, nowMs: number): Promise<void> {
  const parsed = parseCertificate(root);
  for (const one of [parsed, certificate]) {
    const isValid = nowMs >= one.notBeforeMs && nowMs <= one.notAfterMs;
    ensure(isValid, 'certificate-expired', `certificate ${one.serial} is not valid now: check its dates and the clock`);
    const signedByRoot = equalBytes(one.issuer.der, parsed.subject.der) && parsed.isCa;
    ensure(signedByRoot, 'bad-certificate', `certificate ${one.serial} is not issued by the root`);
    await nodeVerifySignature(parsed.publicKey, one.signatureAlgorithm, one.tbs, one.signature);
  }
  ensure(certificate.pathLength === 0, 'bad-certificate', 'an issuing CA must have a path length of 0');
}
