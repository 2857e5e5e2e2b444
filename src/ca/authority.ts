import type { Signer } from '../core/crypto/signer.ts';
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
  readonly signer: Signer;
  /** The key identifier that certificates issued by it name. */
  readonly keyId: Uint8Array;
}

/** What {@link createRoot} takes. */
export interface RootOptions {
  readonly signer: Signer;
  /** 1 to 64 characters (RFC 5280 appendix A.1). */
  readonly commonName: string;
  readonly nowMs: number;
  readonly random: RandomBytes;
  /** Default: 20 years. */
  readonly validityMs?: number;
}

/** What {@link createIssuingCa} takes. Default validity: 5 years, never longer than the root's. */
export interface IssuingCaOptions extends RootOptions {
  readonly root: Issuer;
  /** Where the root's CRL and the root's certificate are. Default: nowhere. */
  readonly urls?: CertificateUrls;
}

const YEAR_MS = 365.25 * 86_400_000;
const ROOT_VALIDITY_MS = 20 * YEAR_MS;
const ISSUING_VALIDITY_MS = 5 * YEAR_MS;

/** Creates a self-signed root CA (RFC 5280 §3.2): at most one CA below it. Throws `value-out-of-range`. */
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

/** Creates an issuing CA below a root: path length 0, leaf certificates only. Throws as {@link signIssuingCa}. */
export async function createIssuingCa(options: IssuingCaOptions): Promise<Issuer> {
  const { root, signer } = options;
  const der = await signIssuingCa({ ...options, spki: signer.spki });
  return openIssuer(der, [root.certificate.der, ...root.chain], signer);
}

/** What {@link signIssuingCa} takes: as for {@link createIssuingCa}, with the public key only. */
export interface IssuingCaRequest extends Omit<IssuingCaOptions, 'signer'> {
  /** SubjectPublicKeyInfo, DER; whoever asks has shown to possess the key. */
  readonly spki: Uint8Array;
  /** Names to which everything below is restricted. Default: none. */
  readonly permitted?: PermittedNames;
}

/**
 * Signs the certificate of an issuing CA whose key is elsewhere. Throws `certificate-expired` where the root is not valid now,
 * `bad-key`, `value-out-of-range`.
 */
export async function signIssuingCa(options: IssuingCaRequest): Promise<Uint8Array> {
  const { root, spki, nowMs, validityMs = ISSUING_VALIDITY_MS, urls, permitted } = options;
  const isValid = nowMs >= root.certificate.notBeforeMs && nowMs <= root.certificate.notAfterMs;
  ensure(isValid, 'certificate-expired', 'the root is not valid now');
  const distinct = !equalBytes(root.signer.spki, spki);
  ensure(distinct, 'value-out-of-range', 'root and issuing CA must have keys of their own');
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
 * An issuer from what is stored: its DER certificate, those above it, its key. Throws `bad-certificate` where the
 * certificate is no CA's, `bad-key-file` where the key is not the certificate's.
 */
export function openIssuer(certificate: Uint8Array, chain: readonly Uint8Array[], signer: Signer): Issuer {
  const parsed = parseCertificate(certificate);
  const { isCa, keyUsage, subjectKeyId } = parsed;
  ensure(isCa && keyUsage?.has('keyCertSign') === true, 'bad-certificate', 'not the certificate of a CA');
  ensure(equalBytes(parsed.spki, signer.spki), 'bad-key-file', 'the key is not that of the CA certificate');
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
