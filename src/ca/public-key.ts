import { isMlDsaSet, type MlDsaSet, mlDsaSizes } from '../core/crypto/ml-dsa-sets.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { formatHex } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { type DerReader, readSingle } from './der/der-reader.ts';
import { der, derBitString, derOid, derSequence } from './der/der-writer.ts';
import { readOctetAlignedBits, readOid, readUnsigned } from './der/der-values.ts';
import { KeyOid } from './der/oids.ts';
import { type PssParameters, readPssParameters } from './pss-parameters.ts';
import { withCode } from './der/with-code.ts';

/** Kinds of public keys that certificates are issued for. */
export type KeyType = 'p256' | 'p384' | 'ed25519' | 'rsa' | MlDsaSet;

interface EllipticKey {
  readonly keyType: 'p256' | 'p384' | 'ed25519';
  /** The DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** An uncompressed SEC 1 point, or the 32 bytes of an Ed25519 key: the contents of the BIT STRING. */
  readonly keyBits: Uint8Array;
}

/** An RSA key; both numbers are big-endian without leading zeros. */
interface RsaKey {
  readonly keyType: 'rsa';
  readonly spki: Uint8Array;
  /** The encoded RSAPublicKey: the contents of the BIT STRING. */
  readonly keyBits: Uint8Array;
  readonly modulus: Uint8Array;
  readonly exponent: Uint8Array;
}

/** An ML-DSA key (RFC 9881 §4). */
export interface MlDsaKey {
  readonly keyType: MlDsaSet;
  readonly spki: Uint8Array;
  /** The encoded public key: the contents of the BIT STRING. */
  readonly keyBits: Uint8Array;
}

/** A public key of an accepted kind and strength. */
export type PublicKey = EllipticKey | RsaKey | MlDsaKey;

/** A P-521 key; see {@link EllipticKey}. */
interface P521Key {
  readonly keyType: 'p521';
  readonly spki: Uint8Array;
  readonly keyBits: Uint8Array;
}

/** An RSA key for RSASSA-PSS alone (RFC 4055 §1.2). */
interface PssKey extends Omit<RsaKey, 'keyType'> {
  readonly keyType: 'rsa-pss';
  /** Bind the signatures; undefined binds nothing. */
  readonly parameters: PssParameters | undefined;
}

/** A public key by which other CAs' signatures are verified. */
export type VerificationKey = PublicKey | P521Key | PssKey;

/** The longest accepted SubjectPublicKeyInfo: ML-DSA-65 with room. */
const MAX_SPKI_BYTES = 2_000;
/** The longest number of an RSA key: RSA 4096 with room. */
const MAX_NUMBER_BYTES = 600;
/** The seed of the matrix, with which an ML-DSA key begins. */
const MATRIX_SEED_BYTES = 32;
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 4096;

/** The least RSA exponent, but for trust anchors: some old roots have 3. */
const MIN_EXPONENT = 65537;

/**
 * Reads a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7; untrusted). Accepts an uncompressed P-256 or P-384 point on its
 * curve, a canonical Ed25519 key not of small order, RSA of 2048 to 4096 bits in whole bytes with an odd exponent from
 * 65537 to 2^32-1, and ML-DSA-44 or ML-DSA-65 without parameters (RFC 9881 §4). Throws `bad-key` for a bad encoding or
 * point, and `weak-key` for another kind or size of key.
 */
export function parsePublicKey(spki: Uint8Array): PublicKey {
  const key = parseVerificationKey(spki);
  if (key.keyType === 'p521' || key.keyType === 'rsa-pss') {
    throw new GlasskeyError('weak-key', `keys of type ${key.keyType} are not accepted`);
  }
  return key;
}

/**
 * Reads the key of somebody else's CA like {@link parsePublicKey}, and also P-521 and RSASSA-PSS keys. `minExponent` is
 * the least RSA exponent.
 */
export function parseVerificationKey(spki: Uint8Array, minExponent: number = MIN_EXPONENT): VerificationKey {
  return withCode('bad-key', 'public key', () => {
    ensure(spki.length <= MAX_SPKI_BYTES, 'weak-key', 'public key too large');
    const reader = readSingle(spki).values;
    const algorithm = reader.enter();
    const oid = readOid(algorithm);
    switch (oid) {
      case KeyOid.ecPublicKey:
        return parseEllipticKey(spki, algorithm, reader);
      case KeyOid.ed25519:
        return parseEd25519Key(spki, algorithm, reader);
      case KeyOid.rsaEncryption:
        ensure(algorithm.read(0x05).content.length === 0, 'bad-key', 'RSA parameters must be NULL');
        algorithm.end();
        return { keyType: 'rsa', spki, ...parseRsaNumbers(lastBits(reader), minExponent) };
      case KeyOid.rsassaPss: {
        const parameters = algorithm.done ? undefined : readPssParameters(algorithm);
        algorithm.end();
        return { keyType: 'rsa-pss', spki, parameters, ...parseRsaNumbers(lastBits(reader), minExponent) };
      }
      case KeyOid.mlDsa44:
        return parseMlDsaKey('ml-dsa-44', spki, algorithm, reader);
      case KeyOid.mlDsa65:
        return parseMlDsaKey('ml-dsa-65', spki, algorithm, reader);
      default:
        throw new GlasskeyError('weak-key', `keys of algorithm ${oid} are not accepted`);
    }
  });
}

/** Returns true for an ML-DSA key. */
export function isMlDsaKey(key: VerificationKey): key is MlDsaKey {
  return isMlDsaSet(key.keyType);
}

/** Returns the SubjectPublicKeyInfo of an RSA key as rsaEncryption, the only form that platforms import. */
export function rsaSpki({ keyType, spki, keyBits }: RsaKey | PssKey): Uint8Array {
  if (keyType === 'rsa') return spki;
  return derSequence(derSequence(derOid(KeyOid.rsaEncryption), der(0x05)), derBitString(keyBits));
}

/**
 * Returns the key identifier of a public key: the first 160 bits of SHA-256 of the key's bits (RFC 7093 §2, method 1).
 */
export function keyIdentifier(key: Pick<VerificationKey, 'keyBits'>): Uint8Array {
  return sha256(key.keyBits).subarray(0, 20);
}

/** Reads the BIT STRING that ends a SubjectPublicKeyInfo. */
function lastBits(reader: DerReader): Uint8Array {
  const bits = readOctetAlignedBits(reader);
  reader.end();
  return bits;
}

function parseEllipticKey(spki: Uint8Array, algorithm: DerReader, reader: DerReader): VerificationKey {
  const curve = readOid(algorithm);
  algorithm.end();
  const keyType = (['p256', 'p384', 'p521'] as const).find((name) => KeyOid[name] === curve);
  if (keyType === undefined) throw new GlasskeyError('weak-key', `curve ${curve} is not accepted`);
  const keyBits = lastBits(reader);
  assertOnCurve(CURVES[keyType], keyBits);
  return { keyType, spki, keyBits };
}

function parseEd25519Key(spki: Uint8Array, algorithm: DerReader, reader: DerReader): PublicKey {
  algorithm.end();
  const keyBits = lastBits(reader);
  ensure(keyBits.length === 32, 'bad-key', 'an Ed25519 key has 32 bytes');
  assertEd25519Point(keyBits);
  return { keyType: 'ed25519', spki, keyBits };
}

/**
 * Reads an ML-DSA key. Every encoding of the right length is a key, but one whose vector t1 is zero verifies what
 * anybody signs.
 */
function parseMlDsaKey(keyType: MlDsaSet, spki: Uint8Array, algorithm: DerReader, reader: DerReader): PublicKey {
  algorithm.end();
  const keyBits = lastBits(reader);
  const { publicKey } = mlDsaSizes(keyType);
  ensure(keyBits.length === publicKey, 'bad-key', `an ${keyType} key has ${publicKey} bytes`);
  ensure(
    keyBits.subarray(MATRIX_SEED_BYTES).some((byte) => byte !== 0),
    'bad-key',
    `${keyType} key that anybody can sign for`,
  );
  return { keyType, spki, keyBits };
}

function parseRsaNumbers(keyBits: Uint8Array, minExponent: number): Pick<RsaKey, 'keyBits' | 'modulus' | 'exponent'> {
  const numbers = readSingle(keyBits).values;
  const modulus = readUnsigned(numbers, MAX_NUMBER_BYTES);
  const exponent = readUnsigned(numbers, MAX_NUMBER_BYTES);
  numbers.end();
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  ensure(
    bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS && bits % 8 === 0,
    'weak-key',
    `RSA keys have ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits, in whole bytes`,
  );
  ensure(((modulus.at(-1) ?? 0) & 1) === 1, 'weak-key', 'RSA modulus is even');
  ensure(exponent.length <= 4, 'weak-key', 'RSA exponent is above 2^32-1');
  const e = exponent.reduce((value, byte) => value * 256 + byte, 0);
  ensure(e >= minExponent && e % 2 === 1, 'weak-key', `RSA exponent is even or below ${minExponent}`);
  return { keyBits, modulus, exponent };
}

interface Curve {
  readonly p: bigint;
  readonly b: bigint;
  readonly fieldBytes: number;
}

/** The curves y² = x³ - 3x + b of FIPS 186-5 (SP 800-186 §3.2.1). */
const CURVES: Readonly<Record<'p256' | 'p384' | 'p521', Curve>> = {
  p256: {
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    fieldBytes: 32,
  },
  p384: {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
    fieldBytes: 48,
  },
  p521: {
    p: 2n ** 521n - 1n,
    b: 0x51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
    fieldBytes: 66,
  },
};

/** Asserts that `point` is an uncompressed point of the curve; all have cofactor 1. */
function assertOnCurve({ p, b, fieldBytes }: Curve, point: Uint8Array): void {
  ensure(point.length === 1 + 2 * fieldBytes && point[0] === 4, 'bad-key', 'not an uncompressed point');
  const x = BigInt(`0x${formatHex(point.subarray(1, 1 + fieldBytes))}`);
  const y = BigInt(`0x${formatHex(point.subarray(1 + fieldBytes))}`);
  ensure(x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n, 'bad-key', 'the point is not on the curve');
}

const ED25519_P = 2n ** 255n - 19n;

/** The y coordinates of the points of order 1, 2, 4 and 8: anybody can sign for them. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  ED25519_P - 1n,
  ED25519_P - 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]);

/** Asserts that an encoded Ed25519 key is canonical and not of small order. The verifier finds out if y has an x. */
function assertEd25519Point(key: Uint8Array): void {
  const y = BigInt(`0x${formatHex(key.toReversed())}`) & (2n ** 255n - 1n);
  ensure(y < ED25519_P && !SMALL_ORDER_Y.has(y), 'bad-key', 'Ed25519 key not canonical or of small order');
}
