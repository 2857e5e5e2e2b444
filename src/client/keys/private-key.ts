import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { isMlDsaSet, ML_DSA_SETS, type MlDsaSet } from '../../core/crypto/ml-dsa-sets.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { type DerReader, DerTag, readSingle } from '../../ca/der/der-reader.ts';
import { readOctetAlignedBits, readOid, readSmallUnsigned, readUnsigned } from '../../ca/der/der-values.ts';
import { der, derBitString, derOid, derSequence, derUnsigned } from '../../ca/der/der-writer.ts';
import { KeyOid } from '../../ca/der/oids.ts';
import {
  encodeMlDsaPkcs8,
  mlDsaKeyAlgorithm,
  mlDsaPrivateKey,
  mlDsaSpki,
  readMlDsaPrivateKey,
} from '../../ca/ml-dsa-private-key.ts';
import type { KeyType } from '../../ca/public-key.ts';

/** A private key in memory, with the public key that follows from it. */
export interface PrivateKey {
  readonly keyType: KeyType;
  /** The DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** The DER PKCS#8 (RFC 5958). */
  readonly pkcs8: Uint8Array;
  /** The scalar, big-endian, or the seed of an Ed25519 or ML-DSA key. Undefined for RSA. */
  readonly secret: Uint8Array | undefined;
}

/** A kind of key that is one number or seed. */
export type RawKeyType = Exclude<KeyType, 'rsa'>;

/** The kinds of keys that a client makes. ML-DSA keys are for logs whose operator certifies them. */
export type NewKeyType = 'p256' | 'ed25519' | MlDsaSet;

/** A kind of key on a curve. */
type CurveKeyType = Exclude<RawKeyType, MlDsaSet>;

interface Kind {
  /** Length of the secret. */
  readonly bytes: number;
  readonly algorithm: Uint8Array;
  /** Returns the contents of the public key's BIT STRING. Throws noble's error for a number outside the order. */
  readonly publicBits: (secret: Uint8Array) => Uint8Array;
}

const KINDS: Readonly<Record<CurveKeyType, Kind>> = {
  ed25519: {
    bytes: 32,
    algorithm: derSequence(derOid(KeyOid.ed25519)),
    publicBits: (seed) => ed25519.getPublicKey(seed),
  },
  p256: {
    bytes: 32,
    algorithm: derSequence(derOid(KeyOid.ecPublicKey), derOid(KeyOid.p256)),
    publicBits: (scalar) => p256.getPublicKey(scalar, false),
  },
  p384: {
    bytes: 48,
    algorithm: derSequence(derOid(KeyOid.ecPublicKey), derOid(KeyOid.p384)),
    publicBits: (scalar) => p384.getPublicKey(scalar, false),
  },
};

const RSA_ALGORITHM = derSequence(derOid(KeyOid.rsaEncryption), der(0x05));
/** Bytes of the numbers of RSA 4096. */
const MAX_RSA_BYTES = 512;
/** `[1]`, constructed (the public key of RFC 5915 §3), and primitive (that of RFC 5958 §2). */
const PUBLIC_KEY_TAGS = { ecPrivateKey: 0xa1, oneAsymmetricKey: 0x81 } as const;

/** Returns the private key of these bytes: a scalar, big-endian, or a seed. Throws `bad-key-file`. */
export function privateKeyOf(keyType: RawKeyType, secret: Uint8Array): PrivateKey {
  if (isMlDsaSet(keyType)) {
    const { seed, publicKey } = mlDsaPrivateKey(keyType, secret);
    return { keyType, spki: mlDsaSpki(keyType, publicKey), pkcs8: encodeMlDsaPkcs8(keyType, seed), secret: seed };
  }
  const { bytes, algorithm, publicBits } = KINDS[keyType];
  ensure(secret.length === bytes, 'bad-key-file', `a raw private key of type ${keyType} has ${bytes} bytes`);
  let bits: Uint8Array;
  try {
    bits = publicBits(secret);
  } catch (cause) {
    throw new GlasskeyError('bad-key-file', `not a private key of type ${keyType}`, { cause });
  }
  const octets = der(DerTag.octetString, secret);
  const inner =
    keyType === 'ed25519'
      ? octets
      : derSequence(integer(1), octets, der(PUBLIC_KEY_TAGS.ecPrivateKey, derBitString(bits)));
  const pkcs8 = derSequence(integer(0), algorithm, der(DerTag.octetString, inner));
  return { keyType, spki: derSequence(algorithm, derBitString(bits)), pkcs8, secret: secret.slice() };
}

/**
 * Reads a private key from DER PKCS#8 (RFC 5958) of any type that Glasskey certifies, and derives its public key. One
 * that is in the file too must be the same. Throws `bad-key-file`, and `malformed-encoding` for what is no DER.
 */
export function readPrivateKey(pkcs8: Uint8Array): PrivateKey {
  const reader = readSingle(pkcs8).values;
  const version = readSmallUnsigned(reader);
  const algorithm = reader.read(DerTag.sequence).raw;
  const inner = reader.read(DerTag.octetString).content;
  reader.optional(0xa0);
  const publicBits = reader.optional(PUBLIC_KEY_TAGS.oneAsymmetricKey)?.content;
  reader.end();
  // RFC 5958 §2: version 2, which is written as 1, has a public key.
  ensure(version === (publicBits === undefined ? 0 : 1), 'bad-key-file', 'PKCS#8 of a wrong version');
  if (equalBytes(algorithm, RSA_ALGORITHM)) {
    return { keyType: 'rsa', spki: rsaPublicKey(inner), pkcs8: pkcs8.slice(), secret: undefined };
  }
  const keyType = ([...ML_DSA_SETS, 'ed25519', 'p256', 'p384'] as const).find((type) =>
    equalBytes(isMlDsaSet(type) ? mlDsaKeyAlgorithm(type) : KINDS[type].algorithm, algorithm),
  );
  if (keyType === undefined) throw new GlasskeyError('bad-key-file', 'a private key of a kind that is not certified');
  const { secret, bits } = readInner(keyType, inner);
  const key = privateKeyOf(keyType, secret);
  // The first octet of a BIT STRING counts its unused bits.
  for (const given of [bits, publicBits?.subarray(1)]) {
    const fits = given === undefined || equalBytes(key.spki.subarray(-given.length), given);
    ensure(fits, 'bad-key-file', 'the private key does not belong to the public key beside it');
  }
  return { ...key, pkcs8: pkcs8.slice() };
}

/**
 * Reads the private key inside PKCS#8: an OCTET STRING (RFC 8410 §7), an ECPrivateKey (RFC 5915 §3), or an
 * ML-DSA-PrivateKey (RFC 9881 §6).
 */
function readInner(keyType: RawKeyType, inner: Uint8Array): { secret: Uint8Array; bits: Uint8Array | undefined } {
  if (isMlDsaSet(keyType)) return { secret: readMlDsaPrivateKey(keyType, inner).seed, bits: undefined };
  if (keyType === 'ed25519') return { secret: readSingle(inner, DerTag.octetString).content, bits: undefined };
  const reader = readSingle(inner).values;
  ensure(readSmallUnsigned(reader) === 1, 'bad-key-file', 'ECPrivateKey of an unknown version');
  const secret = reader.read(DerTag.octetString).content;
  const parameters = reader.optional(0xa0)?.values;
  const isNamed = parameters === undefined || readOid(parameters) === KeyOid[keyType];
  ensure(isNamed, 'bad-key-file', 'a private key that names two curves');
  const bits = reader.optional(PUBLIC_KEY_TAGS.ecPrivateKey)?.values;
  reader.end();
  return { secret, bits: bits && readOctetAlignedBits(bits) };
}

/** Returns the SubjectPublicKeyInfo of an RSAPrivateKey (RFC 8017 §A.1.2), which begins with version, n and e. */
function rsaPublicKey(inner: Uint8Array): Uint8Array {
  const reader: DerReader = readSingle(inner).values;
  ensure(readSmallUnsigned(reader) === 0, 'bad-key-file', 'an RSA key of more than two primes');
  const [modulus, exponent] = [readUnsigned(reader, MAX_RSA_BYTES), readUnsigned(reader, MAX_RSA_BYTES)];
  const numbers = derSequence(derUnsigned(modulus), derUnsigned(exponent));
  return derSequence(RSA_ALGORITHM, derBitString(numbers));
}

function integer(value: number): Uint8Array {
  return der(DerTag.integer, Uint8Array.of(value));
}
