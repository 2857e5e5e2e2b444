import type { Signer } from '../../core/crypto/signer.ts';
import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import type { Issuer } from '../authority.ts';
import { parseCertificate, type ParsedCertificate } from '../certificate.ts';
import { DerTag } from '../der/der-reader.ts';
import { der, derBitString, derOid, derSequence, derTime, derUnsigned } from '../der/der-writer.ts';
import { encodeAuthorityKeyId, encodeExtension, encodeKeyUsage } from '../extension-writer.ts';
import { keyIdentifier } from '../key-id.ts';
import { COMMON_NAME_OID, ExtensionOid, OCSP_NO_CHECK_OID, PurposeOid } from '../der/oids.ts';
import type { Validity } from '../profile.ts';
import { parsePublicKey } from '../public-key.ts';
import { encodeSignatureAlgorithm } from '../signature-algorithm.ts';

/** A key that may answer for an issuer, and the certificate that says so. */
export interface OcspResponder {
  readonly certificate: ParsedCertificate;
  readonly signer: Signer;
}

const VERSION_3 = der(0xa0, der(DerTag.integer, Uint8Array.of(2)));
const SUBJECT = 'OCSP responder';

/**
 * Certifies a key as the issuer's delegated OCSP responder (RFC 6960 §4.2.2.2): purpose OCSPSigning alone, not a CA, and
 * ocsp-nocheck (§4.2.2.2.1), for which it has to be short-lived. `serial` is from `newSerial`.
 */
export async function createOcspResponder(
  issuer: Issuer,
  { signer, serial, notBeforeMs, notAfterMs }: Validity & { readonly signer: Signer; readonly serial: Uint8Array },
): Promise<OcspResponder> {
  const algorithm = encodeSignatureAlgorithm(issuer.signer.algorithm);
  const name = derSequence(derOid(COMMON_NAME_OID), der(DerTag.utf8String, encodeUtf8(SUBJECT)));
  const keyId = der(DerTag.octetString, keyIdentifier(parsePublicKey(signer.spki)));
  const purposes = derSequence(derOid(PurposeOid.ocspSigning));
  const extensions = derSequence(
    encodeExtension(ExtensionOid.basicConstraints, true, derSequence()),
    encodeExtension(ExtensionOid.keyUsage, true, encodeKeyUsage(['digitalSignature'])),
    encodeExtension(ExtensionOid.extendedKeyUsage, true, purposes),
    encodeExtension(ExtensionOid.subjectKeyIdentifier, false, keyId),
    encodeAuthorityKeyId(issuer.keyId),
    encodeExtension(OCSP_NO_CHECK_OID, false, der(0x05)),
  );
  const tbs = derSequence(
    VERSION_3,
    derUnsigned(serial),
    algorithm,
    issuer.certificate.subject.der,
    derSequence(derTime(notBeforeMs), derTime(notAfterMs)),
    derSequence(der(DerTag.set, name)),
    signer.spki,
    der(0xa3, extensions),
  );
  const certificate = derSequence(tbs, algorithm, derBitString(await issuer.signer.sign(tbs)));
  return { certificate: parseCertificate(certificate), signer };
}
