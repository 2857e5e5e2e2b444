import type { CaSigner } from '../core/crypto/signer.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { ExtensionOid } from './der/oids.ts';
import { encodeCommonName } from './distinguished-name.ts';
import {
  type CertificateUrls,
  encodeAuthorityKeyId,
  encodeCaConstraints,
  encodeExtension,
  encodeKeyUsage,
  encodeSubjectKeyId,
  encodeUrlExtensions,
} from './extension-writer.ts';
import { encodeNameConstraints, type PermittedNames } from './name-constraints-writer.ts';
import { validityFrom } from './profile.ts';
import { keyIdentifier, parsePublicKey } from './public-key.ts';
import { newSerial, type RandomBytes } from './serial.ts';
import { signCertificate } from './sign-certificate.ts';

/** A CA that can sign: its certificate, the certificates above it, and its key. */
export interface Issuer {
  readonly certificate: ParsedCertificate;
  /** DER certificates above it, its own issuer first, the root last; empty for a root. */
  readonly chain: readonly Uint8Array[];
  readonly signer: CaSigner;
  /** The key identifier that its certificates name as their issuer's. */
  readonly keyId: Uint8Array;
}

/** Options of {@link createRoot}. */
export interface RootOptions {
  readonly signer: CaSigner;
  /** 1 to 64 characters (RFC 5280 appendix A.1). */
  readonly commonName: string;
  readonly nowMs: number;
  readonly random: RandomBytes;
  /** Default: 20 years. */
  readonly validityMs?: number;
}

/** Options of {@link createIssuingCa}. Default validity: 5 years, never longer than the root's. */
export interface IssuingCaOptions extends RootOptions {
  readonly root: Issuer;
  /** URLs of the root's CRL and certificate. Default: none. */
  readonly urls?: CertificateUrls;
}

const YEAR_MS = 365.25 * 86_400_000;
const ROOT_VALIDITY_MS = 20 * YEAR_MS;
const ISSUING_VALIDITY_MS = 5 * YEAR_MS;

/** Creates a self-signed root CA (RFC 5280 §3.2) with at most one CA below it. Throws `value-out-of-range`. */
export async function createRoot(options: RootOptions): Promise<Issuer> {
  const { signer, nowMs, validityMs = ROOT_VALIDITY_MS } = options;
  const name = caName(options.commonName);
  const keyId = keyIdentifier(parsePublicKey(signer.spki));
  const der = await signCertificate(signer, {
    ...validityFrom(nowMs, validityMs),
    serial: newSerial(options.random),
    issuer: name,
    subject: name,
    spki: signer.spki,
    extensions: caExtensions(keyId, keyId, 1),
  });
  return openIssuer(der, [], signer);
}

/**
 * Creates an issuing CA below a root, with path length 0: it issues leaf certificates only. Throws as {@link
 * signIssuingCa}.
 */
export async function createIssuingCa(options: IssuingCaOptions): Promise<Issuer> {
  const { root, signer } = options;
  const der = await signIssuingCa({ ...options, spki: signer.spki });
  return openIssuer(der, [root.certificate.der, ...root.chain], signer);
}

/** Options of {@link signIssuingCa}: those of {@link createIssuingCa}, with the public key instead of the signer. */
export interface IssuingCaRequest extends Omit<IssuingCaOptions, 'signer'> {
  /** SubjectPublicKeyInfo, DER. The caller must have checked that the requester has the private key. */
  readonly spki: Uint8Array;
  /** Restricts the names of every certificate below. Default: no restriction. */
  readonly permitted?: PermittedNames;
}

/**
 * Signs the certificate of an issuing CA whose key is elsewhere. Throws `certificate-expired` if the root is not valid
 * now, `bad-key`, `value-out-of-range`.
 */
export async function signIssuingCa(options: IssuingCaRequest): Promise<Uint8Array> {
  const { root, spki, nowMs, validityMs = ISSUING_VALIDITY_MS, urls, permitted } = options;
  const isValid = nowMs >= root.certificate.notBeforeMs && nowMs <= root.certificate.notAfterMs;
  ensure(isValid, 'certificate-expired', 'the root is not valid now');
  const distinct = !equalBytes(root.signer.spki, spki);
  ensure(distinct, 'value-out-of-range', 'the root and the issuing CA must have different keys');
  const wanted = validityFrom(nowMs, validityMs);
  const extensions = caExtensions(keyIdentifier(parsePublicKey(spki)), root.keyId, 0);
  if (permitted !== undefined && permitted.email.length + permitted.uri.length > 0) {
    extensions.push(encodeExtension(ExtensionOid.nameConstraints, true, encodeNameConstraints(permitted)));
  }
  if (urls !== undefined) extensions.push(...encodeUrlExtensions(urls));
  return signCertificate(root.signer, {
    notBeforeMs: Math.max(wanted.notBeforeMs, root.certificate.notBeforeMs),
    notAfterMs: Math.min(wanted.notAfterMs, root.certificate.notAfterMs),
    serial: newSerial(options.random),
    issuer: root.certificate.subject.der,
    subject: caName(options.commonName),
    spki,
    extensions,
  });
}

/**
 * Opens an issuer from its stored certificate (DER), the certificates above it, and its key. Throws `bad-certificate`
 * if the certificate is not a CA's, and `bad-key-file` if the key does not belong to it.
 */
export function openIssuer(certificate: Uint8Array, chain: readonly Uint8Array[], signer: CaSigner): Issuer {
  const parsed = parseCertificate(certificate);
  const { isCa, keyUsage, subjectKeyId } = parsed;
  ensure(isCa && keyUsage?.has('keyCertSign') === true, 'bad-certificate', 'not a CA certificate');
  ensure(equalBytes(parsed.spki, signer.spki), 'bad-key-file', 'the key does not belong to the CA certificate');
  return { certificate: parsed, chain, signer, keyId: subjectKeyId ?? keyIdentifier(parsed.publicKey) };
}

function caExtensions(keyId: Uint8Array, issuerKeyId: Uint8Array, pathLength: number): Uint8Array[] {
  return [
    encodeCaConstraints(pathLength),
    encodeExtension(ExtensionOid.keyUsage, true, encodeKeyUsage(['keyCertSign', 'cRLSign'])),
    encodeSubjectKeyId(keyId),
    encodeAuthorityKeyId(issuerKeyId),
  ];
}

function caName(commonName: string): Uint8Array {
  const { length } = Array.from(commonName);
  ensure(length >= 1 && length <= 64, 'value-out-of-range', 'a common name has 1 to 64 characters');
  return encodeCommonName(commonName);
}
