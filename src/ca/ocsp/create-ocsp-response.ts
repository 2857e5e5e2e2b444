import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { CRL_REASONS, type CrlReason } from '../crl-entries.ts';
import { DerTag } from '../der/der-reader.ts';
import { der, derBitString, derOid, derSequence } from '../der/der-writer.ts';
import { encodeExtension } from '../extension-writer.ts';
import { OCSP_BASIC_OID, OCSP_NONCE_OID } from '../der/oids.ts';
import { encodeSignatureAlgorithm } from '../signature-algorithm.ts';
import { responderKeyHash } from './cert-id.ts';
import type { OcspResponder } from './responder-certificate.ts';

/** The known status of a certificate (RFC 6960 §2.2). */
export type OcspCertificateStatus =
  | { readonly type: 'good' }
  | { readonly type: 'unknown' }
  | { readonly type: 'revoked'; readonly revokedAtMs: number; readonly reason: CrlReason };

/** The answer to one question. */
export interface SingleAnswer {
  /** The encoded CertID, repeated from the question. */
  readonly certId: Uint8Array;
  readonly status: OcspCertificateStatus;
}

/** The contents of one response. */
export interface OcspContent {
  readonly answers: readonly SingleAnswer[];
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  readonly nonce?: Uint8Array | undefined;
}

/** Reasons for giving no answer (RFC 6960 §4.2.1). */
export const OCSP_FAILURES = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;

/** Encodes an unsigned response that says why there is no answer (RFC 6960 §2.3). */
export function createOcspFailure(failure: keyof typeof OCSP_FAILURES): Uint8Array {
  return derSequence(der(0x0a, Uint8Array.of(OCSP_FAILURES[failure])));
}

/**
 * Signs a basic OCSP response (RFC 6960 §4.2.1) that includes the responder's certificate. Times are cut to whole
 * seconds. Throws `value-out-of-range` if the response would outlive the responder's certificate.
 */
export async function createOcspResponse(responder: OcspResponder, content: OcspContent): Promise<Uint8Array> {
  const { certificate, signer } = responder;
  const { answers, thisUpdateMs, nextUpdateMs, nonce } = content;
  ensure(nextUpdateMs > thisUpdateMs, 'value-out-of-range', 'the next answer must come later than this one');
  const inside = thisUpdateMs >= certificate.notBeforeMs && nextUpdateMs <= certificate.notAfterMs;
  ensure(inside, 'value-out-of-range', "a response outside the validity of the responder's certificate");
  const producedAt = generalizedTime(thisUpdateMs);
  const nextUpdate = der(0xa0, generalizedTime(nextUpdateMs));
  const singles = answers.map(({ certId, status }) => {
    return derSequence(certId, encodeStatus(status), producedAt, nextUpdate);
  });
  const tbs = derSequence(
    der(0xa2, der(DerTag.octetString, responderKeyHash(certificate))),
    producedAt,
    derSequence(...singles),
    ...(nonce === undefined ? [] : [encodeNonce(nonce)]),
  );
  const algorithm = encodeSignatureAlgorithm(signer.algorithm);
  const certificates = der(0xa0, derSequence(certificate.der));
  const basic = derSequence(tbs, algorithm, derBitString(await signer.sign(tbs)), certificates);
  const bytes = derSequence(derOid(OCSP_BASIC_OID), der(DerTag.octetString, basic));
  return derSequence(der(0x0a, Uint8Array.of(0)), der(0xa0, bytes));
}

function encodeNonce(nonce: Uint8Array): Uint8Array {
  const extension = encodeExtension(OCSP_NONCE_OID, false, der(DerTag.octetString, nonce));
  return der(0xa1, derSequence(extension));
}

function encodeStatus(status: OcspCertificateStatus): Uint8Array {
  if (status.type !== 'revoked') return der(status.type === 'good' ? 0x80 : 0x82);
  const reason = CRL_REASONS[status.reason];
  const coded = reason === 0 ? [] : [der(0xa0, der(0x0a, Uint8Array.of(reason)))];
  return der(0xa1, generalizedTime(status.revokedAtMs), ...coded);
}

/** Encodes a GeneralizedTime of any year (RFC 6960 §4.2.2.1), unlike in certificates. */
function generalizedTime(timeMs: number): Uint8Array {
  const digits = new Date(timeMs).toISOString().slice(0, 19).replace(/[-T:]/g, '');
  return der(DerTag.generalizedTime, encodeUtf8(`${digits}Z`));
}
