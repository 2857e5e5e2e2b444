import { createRequire } from 'node:module';
import { curveCandidates } from '../core/crypto/vrf-ed25519.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';

/** The few functions of sodium-native that Glasskey calls. All write to their first argument. */
export interface Sodium {
  /** Adds two points of the curve, in any subgroup. Throws for what is not on the curve. */
  crypto_core_ed25519_add(result: Uint8Array, p: Uint8Array, q: Uint8Array): void;
  /** Subtracts in the same way. */
  crypto_core_ed25519_sub(result: Uint8Array, p: Uint8Array, q: Uint8Array): void;
  /** Reduces 64 little-endian bytes modulo the group order. */
  crypto_core_ed25519_scalar_reduce(result: Uint8Array, scalar: Uint8Array): void;
  /** Multiplies a canonical point of the prime-order subgroup; throws for any other and for a result of zero. */
  crypto_scalarmult_ed25519_noclamp(result: Uint8Array, scalar: Uint8Array, point: Uint8Array): void;
  crypto_scalarmult_ed25519_base_noclamp(result: Uint8Array, scalar: Uint8Array): void;
}

/** The identity of the group, encoded. */
const IDENTITY = Uint8Array.of(1, ...new Uint8Array(31));

/** The base point, encoded. */
const BASE = Uint8Array.of(0x58, ...new Uint8Array(31).fill(0x66));

/**
 * Returns libsodium, or undefined where the package is not installed, has no binary for the platform, or is something
 * else under that name.
 */
export function loadSodium(): Sodium | undefined {
  try {
    const sodium = createRequire(import.meta.url)('sodium-native') as Sodium;
    return isSodium(sodium) ? sodium : undefined;
  } catch {
    return undefined;
  }
}

/** Computes what is known, and asks for what must be refused. */
export function isSodium(sodium: Sodium): boolean {
  const [one, two] = [1, 2].map((first) => Uint8Array.of(first, ...new Uint8Array(31))) as [Uint8Array, Uint8Array];
  const twice = multiply(sodium, two, BASE);
  const isExact =
    equalBytes(multiplyBase(sodium, one), BASE) &&
    equalBytes(multiplyBase(sodium, two), twice) &&
    equalBytes(subtract(sodium, twice, BASE), BASE);
  return isExact && isRefused(() => multiply(sodium, two, IDENTITY)) && isRefused(() => clearCofactor(sodium, two));
}

function isRefused(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}

/** Returns scalar * point. Throws for a point outside the prime-order subgroup, and for a result of zero. */
export function multiply(sodium: Sodium, scalar: Uint8Array, point: Uint8Array): Uint8Array {
  return written((result) => sodium.crypto_scalarmult_ed25519_noclamp(result, scalar, point));
}

/** Returns scalar * base. */
export function multiplyBase(sodium: Sodium, scalar: Uint8Array): Uint8Array {
  return written((result) => sodium.crypto_scalarmult_ed25519_base_noclamp(result, scalar));
}

/** Returns p - q. Throws for what is not on the curve. */
export function subtract(sodium: Sodium, p: Uint8Array, q: Uint8Array): Uint8Array {
  return written((result) => sodium.crypto_core_ed25519_sub(result, p, q));
}

/** Returns 8 * point by three doublings, which also work outside the prime-order subgroup. */
export function clearCofactor(sodium: Sodium, point: Uint8Array): Uint8Array {
  let current = point;
  for (let i = 0; i < 3; i++) current = doubled(sodium, current);
  return current;
}

function doubled(sodium: Sodium, point: Uint8Array): Uint8Array {
  return written((result) => sodium.crypto_core_ed25519_add(result, point, point));
}

/** Returns the 32 bytes that a function of libsodium writes. */
function written(write: (result: Uint8Array) => void): Uint8Array {
  const result = Buffer.alloc(32);
  write(result);
  return result;
}

/** ECVRF_encode_to_curve_try_and_increment (RFC 9381 §5.4.1.1). */
export function encodeToCurve(sodium: Sodium, publicKey: Uint8Array, alpha: Uint8Array): Uint8Array {
  for (const candidate of curveCandidates(publicKey, alpha)) {
    if (!isCanonicalPoint(candidate)) continue;
    let cleared: Uint8Array;
    try {
      cleared = clearCofactor(sodium, candidate);
    } catch {
      continue; // not on the curve
    }
    if (!equalBytes(cleared, IDENTITY)) return cleared;
  }
  throw new GlasskeyError('internal', 'no curve point in 256 tries');
}

/** RFC 8032 §5.1.3 refuses y >= 2^255-19 and a negative zero; libsodium's addition would not. */
function isCanonicalPoint(encoded: Uint8Array): boolean {
  const y = Uint8Array.from(encoded);
  const sign = (y[31] as number) >> 7;
  y[31] = (y[31] as number) & 0x7f;
  const middleIsFull = y[31] === 0x7f && y.subarray(1, 31).every((byte) => byte === 0xff);
  if (middleIsFull && (y[0] as number) >= 0xed) return false;
  const isOne = y[0] === 1 && y.subarray(1).every((byte) => byte === 0);
  const isMinusOne = middleIsFull && y[0] === 0xec;
  return !(sign === 1 && (isOne || isMinusOne));
}
