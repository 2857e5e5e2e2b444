import type { Signer } from '../../core/crypto/signer.ts';
import type { Issuer } from '../authority.ts';
import { parseCertificate, type ParsedCertificate } from '../certificate.ts';
import { der, derOid, derSequence } from '../der/der-writer.ts';
import { ExtensionOid, OCSP_NO_CHECK_OID, PurposeOid } from '../der/oids.ts';
import { encodeCommonName } from '../distinguished-name.ts';
import {
  encodeAuthorityKeyId,
  encodeExtension,
  encodeKeyUsage,
  encodeLeafConstraints,
  encodeSubjectKeyId,
} from '../extension-writer.ts';
import type { Validity } from '../profile.ts';
import { keyIdentifier, parsePublicKey } from '../public-key.ts';
import { signCertificate } from '../sign-certificate.ts';

/** A key that may answer for an issuer, with its certificate. */
export interface OcspResponder {
  readonly certificate: ParsedCertificate;
  readonly signer: Signer;
}

const SUBJECT = encodeCommonName('OCSP responder');

/**
 * Certifies a key as the issuer's delegated OCSP responder (RFC 6960 §4.2.2.2): not a CA, with the one purpose
 * OCSPSigning and with ocsp-nocheck (§4.2.2.2.1). Because of ocsp-nocheck it must be short-lived. `serial` is from
 * `newSerial`.
 */
export async function createOcspResponder(
  issuer: Issuer,
  { signer, serial, notBeforeMs, notAfterMs }: Validity & { readonly signer: Signer; readonly serial: Uint8Array },
): Promise<OcspResponder> {
  const purposes = derSequence(derOid(PurposeOid.ocspSigning));
  const certificate = await signCertificate(issuer.signer, {
    serial,
    issuer: issuer.certificate.subject.der,
    notBeforeMs,
    notAfterMs,
    subject: SUBJECT,
    spki: signer.spki,
    extensions: [
      encodeLeafConstraints(),
      encodeExtension(ExtensionOid.keyUsage, true, encodeKeyUsage(['digitalSignature'])),
      encodeExtension(ExtensionOid.extendedKeyUsage, true, purposes),
      encodeSubjectKeyId(keyIdentifier(parsePublicKey(signer.spki))),
      encodeAuthorityKeyId(issuer.keyId),
      encodeExtension(OCSP_NO_CHECK_OID, false, der(0x05)),
    ],
  });
  return { certificate: parseCertificate(certificate), signer };
}
