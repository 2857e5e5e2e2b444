import type { MlDsaSet } from '../core/crypto/ml-dsa-sets.ts';
import { decodeError } from '../core/errors.ts';
import type { CaAlgorithm } from '../core/crypto/signer.ts';
import { readSingle } from './der/der-reader.ts';
import { readOid } from './der/der-values.ts';
import { derOid, derSequence } from './der/der-writer.ts';
import { KeyOid } from './der/oids.ts';
import { type PssParameters, readPssParameters, type SignatureHash } from './pss-parameters.ts';
import type { KeyType, VerificationKey } from './public-key.ts';

/** The algorithm of a signature on a certificate, a CRL or a request that this project makes. */
export type SignatureAlgorithm =
  | { readonly family: 'ecdsa' | 'ed25519' | 'rsa-pkcs1'; readonly hash: SignatureHash }
  | { readonly family: MlDsaSet };

/** The algorithm of any signature that is verified. */
export type VerifiedAlgorithm = SignatureAlgorithm | ({ readonly family: 'rsa-pss' } & PssParameters);

const ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ['1.2.840.10045.4.3.2', { family: 'ecdsa', hash: 'SHA-256' }],
  ['1.2.840.10045.4.3.3', { family: 'ecdsa', hash: 'SHA-384' }],
  ['1.2.840.10045.4.3.4', { family: 'ecdsa', hash: 'SHA-512' }],
  ['1.3.101.112', { family: 'ed25519', hash: 'SHA-512' }],
  ['1.2.840.113549.1.1.11', { family: 'rsa-pkcs1', hash: 'SHA-256' }],
  ['1.2.840.113549.1.1.12', { family: 'rsa-pkcs1', hash: 'SHA-384' }],
  ['1.2.840.113549.1.1.13', { family: 'rsa-pkcs1', hash: 'SHA-512' }],
  [KeyOid.mlDsa44, { family: 'ml-dsa-44' }],
  [KeyOid.mlDsa65, { family: 'ml-dsa-65' }],
]);

/**
 * Reads a signature's AlgorithmIdentifier (RFC 5758 §3.2, RFC 8410 §3, RFC 4055 §5, RFC 9881 §3; untrusted). Accepts
 * ECDSA, Ed25519, RSASSA-PKCS1-v1_5 with SHA-2 only, and pure ML-DSA. Parameters must be absent, or NULL for RSA.
 * Throws `malformed-encoding`.
 */
export function parseSignatureAlgorithm(identifier: Uint8Array): SignatureAlgorithm {
  const reader = readSingle(identifier).values;
  const oid = readOid(reader);
  const algorithm = ALGORITHMS.get(oid);
  if (algorithm === undefined) throw decodeError(`signature algorithm ${oid} is not accepted`);
  if (algorithm.family === 'rsa-pkcs1' && reader.read(0x05).content.length > 0) throw decodeError('bad NULL');
  reader.end();
  return algorithm;
}

/**
 * Reads the AlgorithmIdentifier of a signature by somebody else's CA (untrusted): also RSASSA-PSS (RFC 4055 §3). Throws
 * `malformed-encoding`.
 */
export function parseVerifiedAlgorithm(identifier: Uint8Array): VerifiedAlgorithm {
  const reader = readSingle(identifier).values;
  if (readOid(reader) !== KeyOid.rsassaPss) return parseSignatureAlgorithm(identifier);
  const parameters = readPssParameters(reader);
  reader.end();
  return { family: 'rsa-pss', ...parameters };
}

const SIGNER_OIDS: Readonly<Record<CaAlgorithm, string>> = {
  p256: '1.2.840.10045.4.3.2',
  p384: '1.2.840.10045.4.3.3',
  ed25519: '1.3.101.112',
  'ml-dsa-44': KeyOid.mlDsa44,
  'ml-dsa-65': KeyOid.mlDsa65,
};

/** Encodes the AlgorithmIdentifier of signatures by a key of this kind, without parameters. */
export function encodeSignatureAlgorithm(algorithm: CaAlgorithm): Uint8Array {
  return derSequence(derOid(SIGNER_OIDS[algorithm]));
}

/**
 * Returns the algorithm of a bare signature by a key of this kind: SHA-384 for P-384, else SHA-256; RSA is PKCS#1 v1.5.
 */
export function defaultSignatureAlgorithm(keyType: KeyType): SignatureAlgorithm {
  switch (keyType) {
    case 'p256':
      return { family: 'ecdsa', hash: 'SHA-256' };
    case 'p384':
      return { family: 'ecdsa', hash: 'SHA-384' };
    case 'ed25519':
      return { family: 'ed25519', hash: 'SHA-512' };
    case 'rsa':
      return { family: 'rsa-pkcs1', hash: 'SHA-256' };
    case 'ml-dsa-44':
    case 'ml-dsa-65':
      return { family: keyType };
  }
}

/** Returns true if this key can make signatures of this algorithm. */
export function familyFits(key: VerificationKey, algorithm: VerifiedAlgorithm): boolean {
  const { family } = algorithm;
  switch (key.keyType) {
    case 'p256':
    case 'p384':
    case 'p521':
      return family === 'ecdsa';
    case 'ed25519':
    case 'ml-dsa-44':
    case 'ml-dsa-65':
      return family === key.keyType;
    case 'rsa':
      return family === 'rsa-pkcs1' || (family === 'rsa-pss' && hasRoom(key.modulus, algorithm));
    case 'rsa-pss': {
      if (family !== 'rsa-pss' || !hasRoom(key.modulus, algorithm)) return false;
      // RFC 4055 §3.3: the key's parameters bind its signatures.
      const bound = key.parameters;
      return bound === undefined || (bound.hash === algorithm.hash && algorithm.saltLength >= bound.saltLength);
    }
  }
}

/** Returns true if a modulus of whole bytes has room for the salt, the hash and two bytes more (RFC 8017 §9.1.2). */
function hasRoom(modulus: Uint8Array, { saltLength, hash }: PssParameters): boolean {
  return saltLength + Number(hash.slice(-3)) / 8 + 2 <= modulus.length;
}
