import { BitString, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  Time,
  TimeType,
} from 'pkijs';
import type { Signer } from '../core/crypto/signer.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { parseCertificate, type ParsedCertificate } from './certificate.ts';
import { type CertificateUrls, encodeKeyUsage, encodeUrlExtensions } from './extension-writer.ts';
import { keyIdentifier } from './key-id.ts';
import { encodeNameConstraints, type PermittedNames } from './name-constraints-writer.ts';
import { COMMON_NAME_OID, ExtensionOid } from './der/oids.ts';
import { type Validity, validityFrom } from './profile.ts';
import { parsePublicKey } from './public-key.ts';
import { newSerial, type RandomBytes } from './serial.ts';
import { signatureOid } from './signature-algorithm.ts';

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
  const name = encodeName(options.commonName);
  const keyId = keyIdentifier(parsePublicKey(signer.spki));
  const der = await signCa(signer, {
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
    const value = new Uint8Array(encodeNameConstraints(permitted));
    extensions.push(extension(ExtensionOid.nameConstraints, true, value.buffer));
  }
  if (urls !== undefined) {
    extensions.push(...encodeUrlExtensions(urls).map((one) => Extension.fromBER(new Uint8Array(one))));
  }
  return signCa(root.signer, {
    notBeforeMs: Math.max(wanted.notBeforeMs, root.certificate.notBeforeMs),
    notAfterMs: Math.min(wanted.notAfterMs, root.certificate.notAfterMs),
    serial: newSerial(options.random),
    issuer: RelativeDistinguishedNames.fromBER(new Uint8Array(root.certificate.subject.der)),
    subject: encodeName(options.commonName),
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

interface CaCertificate extends Validity {
  readonly serial: Uint8Array;
  readonly issuer: RelativeDistinguishedNames;
  readonly subject: RelativeDistinguishedNames;
  readonly spki: Uint8Array;
  readonly extensions: Extension[];
}

async function signCa(signer: Signer, content: CaCertificate): Promise<Uint8Array> {
  const algorithm = new AlgorithmIdentifier({ algorithmId: signatureOid(signer.algorithm) });
  const certificate = new Certificate({
    version: 2,
    serialNumber: new Integer({ valueHex: new Uint8Array(content.serial).buffer }),
    signature: algorithm,
    issuer: content.issuer,
    notBefore: time(content.notBeforeMs),
    notAfter: time(content.notAfterMs),
    subject: content.subject,
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(new Uint8Array(content.spki)),
    extensions: content.extensions,
  });
  certificate.signatureAlgorithm = algorithm;
  const tbs = certificate.encodeTBS().toBER();
  certificate.tbsView = new Uint8Array(tbs);
  const signature = await signer.sign(certificate.tbsView);
  certificate.signatureValue = new BitString({ valueHex: new Uint8Array(signature).buffer });
  return new Uint8Array(certificate.toSchema().toBER());
}

function caExtensions(keyId: Uint8Array, issuerKeyId: Uint8Array, pathLength: number): Extension[] {
  const constraints = new BasicConstraints({ cA: true, pathLenConstraint: pathLength });
  const authority = new AuthorityKeyIdentifier({ keyIdentifier: octets(issuerKeyId) });
  const usage = new Uint8Array(encodeKeyUsage(['keyCertSign', 'cRLSign']));
  return [
    extension(ExtensionOid.basicConstraints, true, constraints.toSchema().toBER()),
    extension(ExtensionOid.keyUsage, true, usage.buffer),
    extension(ExtensionOid.subjectKeyIdentifier, false, octets(keyId).toBER()),
    extension(ExtensionOid.authorityKeyIdentifier, false, authority.toSchema().toBER()),
  ];
}

function extension(extnID: string, critical: boolean, extnValue: ArrayBuffer): Extension {
  return new Extension({ extnID, critical, extnValue });
}

function octets(bytes: Uint8Array): OctetString {
  return new OctetString({ valueHex: new Uint8Array(bytes).buffer });
}

function encodeName(commonName: string): RelativeDistinguishedNames {
  const { length } = Array.from(commonName);
  ensure(length >= 1 && length <= 64, 'value-out-of-range', 'a common name has 1 to 64 characters');
  const value = new Utf8String({ value: commonName });
  return new RelativeDistinguishedNames({
    typesAndValues: [new AttributeTypeAndValue({ type: COMMON_NAME_OID, value })],
  });
}

function time(timeMs: number): Time {
  const value = new Date(timeMs);
  return new Time({ type: value.getUTCFullYear() < 2050 ? TimeType.UTCTime : TimeType.GeneralizedTime, value });
}
