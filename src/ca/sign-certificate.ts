import type { CaSigner } from '../core/crypto/signer.ts';
import { DerTag } from './der/der-reader.ts';
import { der, derBitString, derOf, derSequence, derTime, derUnsigned } from './der/der-writer.ts';
import type { Validity } from './profile.ts';
import { encodeSignatureAlgorithm } from './signature-algorithm.ts';

/** The fields of a certificate, each already encoded where it is DER. */
export interface CertificateFields extends Validity {
  /** Big-endian magnitude. */
  readonly serial: Uint8Array;
  /** DER `Name` of the issuer. */
  readonly issuer: Uint8Array;
  /** DER `Name` of the subject. */
  readonly subject: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Encoded Extensions, in order. */
  readonly extensions: readonly Uint8Array[];
}

const VERSION_3 = der(0xa0, der(DerTag.integer, Uint8Array.of(2)));

/** Writes and signs a version 3 certificate (RFC 5280 §4.1). All our certificates are made here. */
export async function signCertificate(signer: CaSigner, fields: CertificateFields): Promise<Uint8Array> {
  const algorithm = encodeSignatureAlgorithm(signer.algorithm);
  const tbs = derSequence(
    VERSION_3,
    derUnsigned(fields.serial),
    algorithm,
    fields.issuer,
    derSequence(derTime(fields.notBeforeMs), derTime(fields.notAfterMs)),
    fields.subject,
    fields.spki,
    der(0xa3, derOf(DerTag.sequence, fields.extensions)),
  );
  return derSequence(tbs, algorithm, derBitString(await signer.sign(tbs)));
}
