import { certifiedKeysHash } from '../../core/crypto/certified-keys-hash.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { decodeError, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { AlternativeNames } from '../alternative-names.ts';
import { type CompanionKeys, encodeCompanionKeys } from '../companion-keys.ts';
import { requestedExtensions } from './csr-attributes.ts';
import { assertBoundedDer } from '../der/der-limits.ts';
import { DerTag, readSingle } from '../der/der-reader.ts';
import { readOctetAlignedBits, readSmallUnsigned } from '../der/der-values.ts';
import { type DistinguishedName, parseDistinguishedName } from '../distinguished-name.ts';
import { nodeVerifySignature } from '../node-verify-signature.ts';
import { parsePem } from '../der/pem.ts';
import { type KeyType, parsePublicKey, type PublicKey } from '../public-key.ts';
import { assertStrongRsa } from '../rsa-strength.ts';
import { parseSignatureAlgorithm, type SignatureAlgorithm } from '../signature-algorithm.ts';
import { withCode } from '../der/with-code.ts';

/** A certificate request after its signature proved possession of the key. Names are as written, not canonical. */
export interface ParsedCsr {
  readonly der: Uint8Array;
  readonly spki: Uint8Array;
  /** SHA-256 of `spki`: names the key. */
  readonly spkiSha256: Uint8Array;
  /** Keys for encryption to certify with it. Nothing proves possession of their private keys. */
  readonly companions: CompanionKeys | undefined;
  /** Names all keys to certify: see `certifiedKeysHash`. */
  readonly keysSha256: Uint8Array;
  readonly keyType: KeyType;
  readonly subject: DistinguishedName;
  readonly sans: AlternativeNames;
  /** Every name in the request: SANs, common names, mail addresses of the subject. */
  readonly names: readonly string[];
}

/** The longest accepted request, as DER or as PEM. */
export const MAX_CSR_BYTES = 65_536;

const LIMITS = { maxBytes: MAX_CSR_BYTES, maxDepth: 12, maxElements: 1000 };

/**
 * Reads a PKCS#10 request (RFC 2986 §4; untrusted) and verifies its signature, which proves possession of the key.
 * Among the requested extensions, it reads only subjectAltName and the companion keys, because the profile decides the
 * others. It ignores all other attributes. Throws `bad-csr`, `weak-key` for keys that are not accepted,
 * `bad-proof-of-possession`.
 */
export async function parseCsr(der: Uint8Array): Promise<ParsedCsr> {
  const { signedPart, algorithm, signature, key, subject, sans, companions } = withCode('bad-csr', 'request', () =>
    read(der),
  );
  assertStrongRsa(key);
  try {
    await nodeVerifySignature(key, algorithm, signedPart, signature);
  } catch (error) {
    if (!isGlasskeyError(error, 'bad-signature') && !isGlasskeyError(error, 'bad-key')) throw error;
    throw new GlasskeyError('bad-proof-of-possession', 'the signature of the request does not verify', {
      cause: error,
    });
  }
  const { spki, keyType } = key;
  const names = [...sans.email, ...sans.smtpUtf8, ...sans.uri, ...subject.commonNames, ...subject.emailAddresses];
  const keysSha256 = certifiedKeysHash(spki, companions && encodeCompanionKeys(companions));
  return { der, spki, spkiSha256: sha256(spki), companions, keysSha256, keyType, subject, sans, names };
}

/** Decodes a PEM request (untrusted) to DER, under either label in use. Throws `bad-csr`. */
export function decodeCsrPem(text: string): Uint8Array {
  return withCode('bad-csr', 'request', () => {
    if (text.length > MAX_CSR_BYTES) throw decodeError(`more than ${MAX_CSR_BYTES} characters`);
    const old = text.includes('-----BEGIN NEW CERTIFICATE REQUEST-----');
    return parsePem(old ? 'NEW CERTIFICATE REQUEST' : 'CERTIFICATE REQUEST', text);
  });
}

interface UnverifiedCsr {
  readonly signedPart: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly key: PublicKey;
  readonly subject: DistinguishedName;
  readonly sans: AlternativeNames;
  readonly companions: CompanionKeys | undefined;
}

function read(der: Uint8Array): UnverifiedCsr {
  assertBoundedDer(der, LIMITS);
  const outer = readSingle(der).values;
  const info = outer.read(DerTag.sequence);
  const identifier = outer.read(DerTag.sequence).raw;
  const signature = readOctetAlignedBits(outer);
  outer.end();
  const reader = info.values;
  if (readSmallUnsigned(reader) !== 0) throw decodeError('not a version 1 request');
  const subject = parseDistinguishedName(reader.read(DerTag.sequence).raw);
  const key = parsePublicKey(reader.read(DerTag.sequence).raw);
  const attributes = reader.optional(0xa0);
  reader.end();
  const algorithm = parseSignatureAlgorithm(identifier);
  return { signedPart: info.raw, algorithm, signature, key, subject, ...requestedExtensions(attributes) };
}
