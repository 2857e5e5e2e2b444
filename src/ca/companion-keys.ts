import { equalBytes, formatHex, parseHex } from '../core/encoding/bytes.ts';
import { decodeError, ensure } from '../core/errors.ts';
import { type DerReader, readSingle } from './der/der-reader.ts';
import { readOctetAlignedBits, readOid } from './der/der-values.ts';
import { derBitString, derOid, derSequence } from './der/der-writer.ts';
import { CompanionKeyOid } from './der/oids.ts';

/**
 * Public keys for encryption, certified beside a signing key. They cannot sign a CSR themselves, so the signing key's
 * CSR asks for them. At least one of the two is present.
 */
export interface CompanionKeys {
  /** An X25519 key: 32 bytes (RFC 7748 §5). */
  readonly x25519?: Uint8Array | undefined;
  /** An ML-KEM-768 encapsulation key: 1184 bytes (FIPS 203 §7.2). */
  readonly mlKem768?: Uint8Array | undefined;
}

const X25519_BYTES = 32;
const ML_KEM_768_BYTES = 1184;
/** The coefficients, of 12 bits each; the seed of the matrix follows. */
const ML_KEM_768_VECTOR_BYTES = 1152;
const ML_KEM_MODULUS = 3329;

/** u-coordinates below the prime of points whose order divides 8: a shared secret with one is all zeros. */
const SMALL_ORDER = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
]);
/** 2^255 - 19, little-endian. */
const PRIME_25519 = parseHex(`ed${'ff'.repeat(30)}7f`);

/**
 * Encodes the value of the companion keys extension (`docs/spec.md#companion-keys`): `SEQUENCE SIZE (1..2) OF
 * SubjectPublicKeyInfo`, X25519 first. Throws `value-out-of-range` if there is no key, or one that {@link
 * parseCompanionKeys} would refuse.
 */
export function encodeCompanionKeys({ x25519, mlKem768 }: CompanionKeys): Uint8Array {
  const keys: Uint8Array[] = [];
  if (x25519 !== undefined) {
    ensure(isX25519Key(x25519), 'value-out-of-range', 'not an X25519 public key');
    keys.push(companionSpki(CompanionKeyOid.x25519, x25519));
  }
  if (mlKem768 !== undefined) {
    ensure(isMlKem768Key(mlKem768), 'value-out-of-range', 'not an ML-KEM-768 encapsulation key');
    keys.push(companionSpki(CompanionKeyOid.mlKem768, mlKem768));
  }
  ensure(keys.length > 0, 'value-out-of-range', 'no companion key');
  return derSequence(...keys);
}

/**
 * Reads the output of {@link encodeCompanionKeys} (untrusted): one or two keys of different kinds in a fixed order, so
 * that a set has one encoding. X25519 must be canonical and not of small order; every ML-KEM-768 coefficient must be
 * below the modulus. Throws `malformed-encoding`.
 */
export function parseCompanionKeys(value: Uint8Array): CompanionKeys {
  const reader = readSingle(value).values;
  let x25519: Uint8Array | undefined;
  let mlKem768: Uint8Array | undefined;
  do {
    const { oid, bits } = readSpki(reader);
    if (oid === CompanionKeyOid.x25519 && x25519 === undefined && mlKem768 === undefined) {
      if (!isX25519Key(bits))
        throw decodeError('companion X25519 key of a wrong length, of small order or not canonical');
      x25519 = bits.slice();
    } else if (oid === CompanionKeyOid.mlKem768 && mlKem768 === undefined) {
      if (!isMlKem768Key(bits)) throw decodeError('companion ML-KEM-768 key of a wrong length or not reduced');
      mlKem768 = bits.slice();
    } else {
      throw decodeError('companion key of an unknown kind, repeated, or out of order');
    }
  } while (!reader.done);
  return { x25519, mlKem768 };
}

/** Returns true if two sets of companion keys are the same; undefined is the empty set. */
export function sameCompanionKeys(a: CompanionKeys | undefined, b: CompanionKeys | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalBytes(encodeCompanionKeys(a), encodeCompanionKeys(b));
}

function readSpki(reader: DerReader): { oid: string; bits: Uint8Array } {
  const spki = reader.enter();
  const algorithm = spki.enter();
  const oid = readOid(algorithm);
  algorithm.end();
  const bits = readOctetAlignedBits(spki);
  spki.end();
  return { oid, bits };
}

function companionSpki(oid: string, bits: Uint8Array): Uint8Array {
  return derSequence(derSequence(derOid(oid)), derBitString(bits));
}

function isX25519Key(key: Uint8Array): boolean {
  return key.length === X25519_BYTES && isBelowPrime(key) && !SMALL_ORDER.has(formatHex(key));
}

function isBelowPrime(key: Uint8Array): boolean {
  for (let i = X25519_BYTES - 1; i >= 0; i--) {
    const difference = (key[i] ?? 0) - (PRIME_25519[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** The type and modulus checks of FIPS 203 §7.2. */
function isMlKem768Key(key: Uint8Array): boolean {
  if (key.length !== ML_KEM_768_BYTES) return false;
  for (let i = 0; i < ML_KEM_768_VECTOR_BYTES; i += 3) {
    const [first = 0, second = 0, third = 0] = key.subarray(i, i + 3);
    const low = first | ((second & 0x0f) << 8);
    const high = (second >> 4) | (third << 4);
    if (low >= ML_KEM_MODULUS || high >= ML_KEM_MODULUS) return false;
  }
  return true;
}
