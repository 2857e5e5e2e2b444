import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type ForeignCertificate, parseForeignCertificate } from '../certificate.ts';
import { isCertIdOf, issuerIds, responderKeyHash } from '../ocsp/cert-id.ts';
import { type ParsedAnswer, type ParsedOcspResponse, parseOcspResponse } from '../ocsp/parse-ocsp-response.ts';
import { OCSP_NO_CHECK_OID, PurposeOid } from '../der/oids.ts';
import { BACKDATE_MS } from '../profile.ts';
import { verifySignature } from '../verify-signature.ts';
import type { PathCertificate } from './path-certificate.ts';

/** The time and the request that responses must fit. */
export interface OcspRequirements {
  /** The time at which they must be valid, ms since the epoch. */
  readonly atMs: number;
  /** The nonce of the request; undefined if it had none. Without it, any response that is still valid is accepted. */
  readonly nonce?: Uint8Array | undefined;
}

/** The part of an issuer that verifies answers. */
type OcspIssuer = PathCertificate['contents'];

/**
 * Checks the certificates of a path against OCSP responses (RFC 6960 §3.2; DER, untrusted). A response must be signed
 * by the certificate's issuer, or by a responder that the issuer certified with ocsp-nocheck. The leaf needs an answer;
 * other certificates are checked if there is one.
 *
 * Throws `certificate-revoked`. Throws `bad-certificate` for an unreadable or outdated response, a wrong nonce or an
 * unauthorised signer, and if the leaf is unknown or has no answer.
 */
export async function checkOcsp(
  path: readonly PathCertificate[],
  responses: readonly Uint8Array[],
  requirements: OcspRequirements,
): Promise<void> {
  const parsed = responses.map((der) => parseOcspResponse(der));
  for (let depth = 0; depth + 1 < path.length; depth++) {
    const { serial } = (path[depth] as PathCertificate).contents;
    const { contents: issuer } = path[depth + 1] as PathCertificate;
    const ids = issuerIds(issuer);
    let isAnswered = false;
    for (const response of parsed) {
      const answers = response.answers.filter(({ certId }) => certId.serial === serial && isCertIdOf(ids, certId));
      if (answers.length === 0) continue;
      isAnswered = true;
      // eslint-disable-next-line no-await-in-loop -- a path has a few certificates at most
      await assertResponse(response, answers, issuer, requirements);
      const isRevoked = answers.some(({ status }) => status === 'revoked');
      if (isRevoked) throw new GlasskeyError('certificate-revoked', `certificate ${serial} is revoked`);
      const isGood = answers.every(({ status }) => status === 'good');
      ensure(isGood, 'bad-certificate', `the responder does not know certificate ${serial}`);
    }
    ensure(depth > 0 || isAnswered, 'bad-certificate', 'no OCSP response covers the certificate');
  }
}

async function assertResponse(
  response: ParsedOcspResponse,
  answers: readonly ParsedAnswer[],
  issuer: OcspIssuer,
  { atMs, nonce }: OcspRequirements,
): Promise<void> {
  if (nonce !== undefined) {
    const isOurs = response.nonce !== undefined && equalBytes(response.nonce, nonce);
    ensure(isOurs, 'bad-certificate', 'the OCSP response does not repeat the nonce');
  }
  // Without an end time, only the answer to this request is known to be fresh.
  const isCurrent = answers.every(
    ({ thisUpdateMs, nextUpdateMs }) =>
      atMs >= thisUpdateMs - BACKDATE_MS && (nextUpdateMs === undefined ? nonce !== undefined : atMs <= nextUpdateMs),
  );
  ensure(isCurrent, 'bad-certificate', 'the OCSP response is not valid at that time');
  const signer = isNamed(response, issuer) ? issuer : await findDelegate(response, issuer, atMs);
  ensure(signer !== undefined, 'bad-certificate', 'the signer of the OCSP response may not answer for the issuer');
  const { signatureAlgorithm, tbs, signature } = response;
  const isSigned = await holds(() => verifySignature(signer.publicKey, signatureAlgorithm, tbs, signature));
  ensure(isSigned, 'bad-certificate', 'the signature of the OCSP response does not verify');
}

function isNamed({ responder }: ParsedOcspResponse, { subject, publicKey }: OcspIssuer): boolean {
  if (responder.type === 'name') return equalBytes(responder.name, subject.der);
  return equalBytes(responder.hash, responderKeyHash({ publicKey }));
}

/** Finds the responder certificate that the issuer itself signed (RFC 6960 §4.2.2.2), among those in the response. */
async function findDelegate(
  response: ParsedOcspResponse,
  issuer: OcspIssuer,
  atMs: number,
): Promise<ForeignCertificate | undefined> {
  for (const der of response.certificates) {
    const certificate = readable(der);
    if (certificate === undefined || !isNamed(response, certificate) || !mayAnswer(certificate, issuer, atMs)) continue;
    const { signatureAlgorithm, tbs, signature } = certificate;
    // eslint-disable-next-line no-await-in-loop -- a few certificates at most, of which one is named
    if (await holds(() => verifySignature(issuer.publicKey, signatureAlgorithm, tbs, signature))) return certificate;
  }
  return undefined;
}

/** Returns undefined for an unreadable certificate, which is then skipped. */
function readable(der: Uint8Array): ForeignCertificate | undefined {
  try {
    return parseForeignCertificate(der, false);
  } catch (error) {
    if (isGlasskeyError(error)) return undefined;
    throw error;
  }
}

function mayAnswer(certificate: ForeignCertificate, issuer: OcspIssuer, atMs: number): boolean {
  const { extendedKeyUsage = [], keyUsage, extensionOids, unknownCritical, authorityKeyId } = certificate;
  const isIssued =
    equalBytes(certificate.issuer.der, issuer.subject.der) &&
    (authorityKeyId === undefined ||
      issuer.subjectKeyId === undefined ||
      equalBytes(authorityKeyId, issuer.subjectKeyId));
  const isValid = atMs >= certificate.notBeforeMs && atMs < certificate.notAfterMs + 1_000;
  const signs = keyUsage === undefined || keyUsage.has('digitalSignature') || keyUsage.has('nonRepudiation');
  const isFor = extendedKeyUsage.includes(PurposeOid.ocspSigning) && extensionOids.includes(OCSP_NO_CHECK_OID);
  return isIssued && isValid && signs && isFor && !certificate.isCa && unknownCritical.length === 0;
}

async function holds(verify: () => Promise<void>): Promise<boolean> {
  try {
    await verify();
    return true;
  } catch (error) {
    if (isGlasskeyError(error)) return false;
    throw error;
  }
}
