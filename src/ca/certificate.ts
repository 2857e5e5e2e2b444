import { certifiedKeysHash } from '../core/crypto/certified-keys-hash.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { decodeError, ensure, GlasskeyError } from '../core/errors.ts';
import {
  type CertificateExtensions,
  type KeyUsage,
  parseCertificateExtensions,
  parseRawExtensions,
  type RawExtension,
} from './certificate-extensions.ts';
import { encodeCompanionKeys } from './companion-keys.ts';
import { type DerElement, type DerReader, readSingle } from './der/der-reader.ts';
import { readOctetAlignedBits, readSerial, readSmallUnsigned, readTime } from './der/der-values.ts';
import { type DistinguishedName, parseDistinguishedName } from './distinguished-name.ts';
import {
  isMlDsaKey,
  parsePublicKey,
  parseVerificationKey,
  type PublicKey,
  type VerificationKey,
} from './public-key.ts';
import {
  parseSignatureAlgorithm,
  parseVerifiedAlgorithm,
  type SignatureAlgorithm,
  type VerifiedAlgorithm,
} from './signature-algorithm.ts';
import { withCode } from './der/with-code.ts';

/** The contents of a certificate without its signature. This is all of a trust anchor that matters. */
export interface CertificateContents<Key extends VerificationKey = PublicKey> extends CertificateExtensions {
  readonly der: Uint8Array;
  /** Lower-case hex of whole bytes, without leading zero bytes. */
  readonly serial: string;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  /** The first moment of validity, ms since the epoch. */
  readonly notBeforeMs: number;
  /** The last second of validity, ms since the epoch: valid up to and including it. */
  readonly notAfterMs: number;
  /** The DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** SHA-256 of `spki`: names the key. */
  readonly spkiSha256: Uint8Array;
  /**
   * Names the key with its companion keys, see `certifiedKeysHash`. Equals `spkiSha256` if there are no companion keys.
   */
  readonly keysSha256: Uint8Array;
  readonly keyType: Key['keyType'];
  readonly publicKey: Key;
  /** The extensions, their values still encoded. */
  readonly rawExtensions: readonly RawExtension[];
}

/** An X.509 v3 certificate, read but not verified: see `verifyChain`. */
export interface ParsedCertificate<
  Key extends VerificationKey = PublicKey,
  Algorithm = SignatureAlgorithm,
> extends CertificateContents<Key> {
  /** The signed part. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: Algorithm;
  readonly signature: Uint8Array;
}

/** A certificate of any CA; see {@link parseForeignCertificate}. */
export type ForeignCertificate = ParsedCertificate<VerificationKey, VerifiedAlgorithm>;

/** Rules for reading a certificate, by who issued it and what it is for. */
interface CertificateRules<Key, Algorithm> {
  /** Encodings and contents that RFC 5280 forbids CAs but that change no verifier's decision. */
  readonly isLenient: boolean;
  readonly readKey: (spki: Uint8Array) => Key;
  readonly readAlgorithm: (identifier: Uint8Array) => Algorithm;
}

const OWN: CertificateRules<PublicKey, SignatureAlgorithm> = {
  isLenient: false,
  readKey: parsePublicKey,
  readAlgorithm: parseSignatureAlgorithm,
};

const FOREIGN: CertificateRules<VerificationKey, VerifiedAlgorithm> = {
  isLenient: false,
  readKey: (spki) => parseVerificationKey(spki),
  readAlgorithm: parseVerifiedAlgorithm,
};

const LENIENT: CertificateRules<VerificationKey, VerifiedAlgorithm> = { ...FOREIGN, isLenient: true };
/** Roots of the last century have an exponent of 3, which harms no signature with proper padding. */
const ANCHOR: CertificateRules<VerificationKey, VerifiedAlgorithm> = {
  ...LENIENT,
  readKey: (spki) => parseVerificationKey(spki, 3),
};

/**
 * The longest accepted certificate. Ours have 500 to 6,200 bytes, the longest with ML-DSA-65; the identity record holds
 * up to 2^16-1.
 */
const MAX_CERTIFICATE_BYTES = 16_384;

/**
 * Reads a DER certificate (RFC 5280 §4.1; untrusted): version 3, strict DER, a positive serial of at most 20 bytes, an
 * accepted kind of key and of signature algorithm. Throws `bad-certificate`, or `weak-key` for other keys.
 */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  return parseSigned(der, OWN);
}

/**
 * Reads a certificate of any CA (untrusted): {@link parseCertificate} with P-521 and RSASSA-PSS too. `isLenient` also
 * accepts versions 1 and 2, unique identifiers, serial numbers of 0 and below, GeneralizedTime before 2050, trailing
 * zeros in a BIT STRING, and old string types in names. Throws the same.
 */
export function parseForeignCertificate(der: Uint8Array, isLenient: boolean): ForeignCertificate {
  return parseSigned(der, isLenient ? LENIENT : FOREIGN);
}

function parseSigned<Key extends VerificationKey, Algorithm>(
  der: Uint8Array,
  rules: CertificateRules<Key, Algorithm>,
): ParsedCertificate<Key, Algorithm> {
  return withCode('bad-certificate', 'certificate', () => {
    const { tbs, algorithm, signature } = readParts(der);
    const signatureAlgorithm = rules.readAlgorithm(algorithm.raw);
    const { rawExtensions: raw, ...contents } = readContents(der, tbs, algorithm, rules);
    const isPositive = contents.serial !== '' && !contents.serial.startsWith('-');
    if (!rules.isLenient && !isPositive) throw decodeError('serial number not above 0');
    const rawExtensions = raw === undefined ? [] : parseRawExtensions(raw);
    const extensions = parseCertificateExtensions(rawExtensions, rules.isLenient);
    if (!rules.isLenient && isMlDsaKey(contents.publicKey)) assertSigningUsage(extensions);
    return { tbs: tbs.raw, signatureAlgorithm, signature, ...withExtensions(contents, rawExtensions, extensions) };
  });
}

/** Asserts that keyUsage, if present, names uses of an ML-DSA key: it signs and does nothing else (RFC 9881 §5). */
function assertSigningUsage({ keyUsage }: CertificateExtensions): void {
  const signsOnly = keyUsage === undefined || [...keyUsage].every((use) => SIGNING.has(use));
  if (!signsOnly) throw decodeError('keyUsage of an ML-DSA key that is not for signatures');
}

const SIGNING: ReadonlySet<KeyUsage> = new Set(['digitalSignature', 'nonRepudiation', 'keyCertSign', 'cRLSign']);

/** A trust anchor, and the reason why its extensions cannot be read, if they cannot. */
export interface ParsedAnchor {
  readonly contents: CertificateContents<VerificationKey>;
  readonly flaw: string | undefined;
}

/**
 * Reads a trust anchor as leniently as {@link parseForeignCertificate}, with any signature algorithm and an RSA
 * exponent of 3 or more. Nobody checks its signature, and without readable extensions it still is a name and a key.
 * Throws `bad-certificate`, `weak-key`.
 */
export function parseTrustAnchor(der: Uint8Array): ParsedAnchor {
  return withCode('bad-certificate', 'trust anchor', () => {
    const { tbs, algorithm } = readParts(der);
    const { rawExtensions: raw, ...contents } = readContents(der, tbs, algorithm, ANCHOR);
    try {
      const rawExtensions = raw === undefined ? [] : parseRawExtensions(raw);
      const extensions = parseCertificateExtensions(rawExtensions, true);
      return { contents: withExtensions(contents, rawExtensions, extensions), flaw: undefined };
    } catch (error) {
      if (!(error instanceof GlasskeyError)) throw error;
      return { contents: withExtensions(contents, [], parseCertificateExtensions([])), flaw: error.message };
    }
  });
}

function readParts(der: Uint8Array) {
  ensure(der.length <= MAX_CERTIFICATE_BYTES, 'bad-certificate', 'certificate too large');
  const outer = readSingle(der).values;
  const tbs = outer.read(0x30);
  const algorithm = outer.read(0x30);
  const signature = readOctetAlignedBits(outer);
  outer.end();
  return { tbs, algorithm, signature };
}

/** Reads everything but the extensions, which stay encoded. */
function readContents<Key>(
  der: Uint8Array,
  tbs: DerElement,
  outerAlgorithm: DerElement,
  rules: Omit<CertificateRules<Key, unknown>, 'readAlgorithm'>,
) {
  const { isLenient } = rules;
  const reader = tbs.values;
  const version = readVersion(reader, isLenient);
  const serial = readSerial(reader);
  const algorithm = reader.read(0x30);
  if (!equalBytes(algorithm.raw, outerAlgorithm.raw)) throw decodeError('the two signature algorithms differ');
  const issuer = parseDistinguishedName(reader.read(0x30).raw, isLenient);
  const validity = reader.enter();
  const notBeforeMs = readTime(validity, isLenient);
  const notAfterMs = readTime(validity, isLenient);
  validity.end();
  const subject = parseDistinguishedName(reader.read(0x30).raw, isLenient);
  const publicKey = rules.readKey(reader.read(0x30).raw);
  if (isLenient && version > 1) for (const uniqueId of [0x81, 0x82]) reader.optional(uniqueId);
  const wrapper = isLenient && (version < 3 || reader.done) ? undefined : reader.enter(0xa3);
  reader.end();
  const rawExtensions = wrapper?.read(0x30).raw;
  wrapper?.end();
  return { der, serial, issuer, subject, notBeforeMs, notAfterMs, publicKey, rawExtensions };
}

/** Reads the version as people count it, which only lenient rules let be other than 3. */
function readVersion(reader: DerReader, isLenient: boolean): number {
  if (isLenient && reader.nextTag !== 0xa0) return 1;
  const wrapper = reader.enter(0xa0);
  const version = readSmallUnsigned(wrapper) + 1;
  wrapper.end();
  if (version !== 3 && !(isLenient && version < 3)) throw decodeError('not a version 3 certificate');
  return version;
}

function withExtensions<Key extends VerificationKey>(
  contents: Omit<ReturnType<typeof readContents<Key>>, 'rawExtensions'>,
  rawExtensions: readonly RawExtension[],
  extensions: CertificateExtensions,
): CertificateContents<Key> {
  const { spki, keyType } = contents.publicKey;
  const companions = extensions.companions && encodeCompanionKeys(extensions.companions);
  const keysSha256 = certifiedKeysHash(spki, companions);
  return { ...extensions, ...contents, rawExtensions, spki, spkiSha256: sha256(spki), keysSha256, keyType };
}
