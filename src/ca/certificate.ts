import { certifiedKeysHash } from '../core/crypto/certified-keys-hash.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { equalBytes, formatHex } from '../core/encoding/bytes.ts';
import { decodeError, ensure } from '../core/errors.ts';
import {
  type CertificateExtensions,
  parseCertificateExtensions,
  parseRawExtensions,
  type RawExtension,
} from './certificate-extensions.ts';
import { encodeCompanionKeys } from './companion-keys.ts';
import { type DerElement, readSingle } from './der/der-reader.ts';
import { readOctetAlignedBits, readSmallUnsigned, readTime, readUnsigned } from './der/der-values.ts';
import { type DistinguishedName, parseDistinguishedName } from './distinguished-name.ts';
import { type KeyType, parsePublicKey, type PublicKey } from './public-key.ts';
import { parseSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';
import { withCode } from './der/with-code.ts';

/** The contents of a certificate without its signature. This is all of a trust anchor that matters. */
export interface CertificateContents extends CertificateExtensions {
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
  readonly keyType: KeyType;
  readonly publicKey: PublicKey;
  /** The extensions, their values still encoded. */
  readonly rawExtensions: readonly RawExtension[];
}

/** An X.509 v3 certificate, read but not verified: see `verifyChain`. */
export interface ParsedCertificate extends CertificateContents {
  /** The signed part. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

/** The longest accepted certificate. Ours have 500 to 1,600 bytes; the identity record holds up to 2^16-1. */
const MAX_CERTIFICATE_BYTES = 16_384;
const MAX_SERIAL_BYTES = 20;

/**
 * Reads a DER certificate (RFC 5280 §4.1; untrusted): version 3, strict DER, a positive serial of at most 20 bytes, an
 * accepted kind of key and of signature algorithm. Throws `bad-certificate`, or `weak-key` for other keys.
 */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  return withCode('bad-certificate', 'certificate', () => {
    const { tbs, algorithm, signature } = readParts(der);
    const signatureAlgorithm = parseSignatureAlgorithm(algorithm.raw);
    const contents = parseContents(der, tbs, algorithm);
    if (contents.serial === '') throw decodeError('serial number 0');
    return { tbs: tbs.raw, signatureAlgorithm, signature, ...contents };
  });
}

/**
 * Reads a trust anchor like {@link parseCertificate}, but accepts any signature algorithm and the serial number 0:
 * nobody checks its signature. Throws the same.
 */
export function parseTrustAnchor(der: Uint8Array): CertificateContents {
  return withCode('bad-certificate', 'trust anchor', () => {
    const { tbs, algorithm } = readParts(der);
    return parseContents(der, tbs, algorithm);
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

function parseContents(der: Uint8Array, tbs: DerElement, outerAlgorithm: DerElement): CertificateContents {
  const reader = tbs.values;
  const version = reader.enter(0xa0);
  if (readSmallUnsigned(version) !== 2) throw decodeError('not a version 3 certificate');
  version.end();
  const serial = readUnsigned(reader, MAX_SERIAL_BYTES);
  const algorithm = reader.read(0x30);
  if (!equalBytes(algorithm.raw, outerAlgorithm.raw)) throw decodeError('the two signature algorithms differ');
  const issuer = parseDistinguishedName(reader.read(0x30).raw);
  const validity = reader.enter();
  const notBeforeMs = readTime(validity);
  const notAfterMs = readTime(validity);
  validity.end();
  const subject = parseDistinguishedName(reader.read(0x30).raw);
  const publicKey = parsePublicKey(reader.read(0x30).raw);
  const extensions = reader.enter(0xa3);
  reader.end();
  const rawExtensions = parseRawExtensions(extensions.read(0x30).raw);
  extensions.end();
  const said = parseCertificateExtensions(rawExtensions);
  const companions = said.companions && encodeCompanionKeys(said.companions);
  return {
    ...said,
    der,
    rawExtensions,
    serial: formatHex(serial),
    issuer,
    subject,
    notBeforeMs,
    notAfterMs,
    spki: publicKey.spki,
    spkiSha256: sha256(publicKey.spki),
    keysSha256: certifiedKeysHash(publicKey.spki, companions),
    keyType: publicKey.keyType,
    publicKey,
  };
}
