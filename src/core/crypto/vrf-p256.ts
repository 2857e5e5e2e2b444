import { mulAddUnsafe } from '@noble/curves/abstract/curve.js';
import { p256 } from '@noble/curves/nist.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { sha256 } from './sha256.ts';
import type { VrfResult } from './vrf-prover.ts';

/**
 * ECVRF-P256-SHA256-TAI (RFC 9381 §5.5; KT §17.1). Points are SEC 1 compressed, integers big-endian.
 *
 * Proving multiplies points in noble's constant-time way, but computes scalars as bigints, whose timing may depend on
 * their values. Servers prove with OpenSSL's multiplication.
 */

const { Point } = p256;
const ORDER = Point.Fn.ORDER;
type P256Point = ReturnType<typeof Point.fromBytes>;

const SUITE = 0x01;
const POINT_LENGTH = 33;
const CHALLENGE_LENGTH = 16;
const SCALAR_LENGTH = 32;
/** VRF.Np (KT §17.1). */
export const P256_VRF_PROOF_LENGTH = POINT_LENGTH + CHALLENGE_LENGTH + SCALAR_LENGTH;

const ENCODE_TO_CURVE = 0x01;
const CHALLENGE = 0x02;
const PROOF_TO_HASH = 0x03;
const BACK = 0x00;
/** The tag of a compressed point with even y (SEC 1 §2.3.3). */
const EVEN = 0x02;

/**
 * Returns the VRF public key of a 32-byte secret key. Throws `bad-key` if the key is zero or not below the group order.
 */
export function p256VrfPublicKey(secretKey: Uint8Array): Uint8Array {
  return Point.BASE.multiply(decodeSecret(secretKey)).toBytes(true);
}

function decodeSecret(secretKey: Uint8Array): bigint {
  ensure(secretKey.length === SCALAR_LENGTH, 'bad-key', 'a VRF secret key is 32 bytes');
  const scalar = decodeInteger(secretKey);
  ensure(scalar > 0n && scalar < ORDER, 'bad-key', 'a VRF secret key is between 1 and the group order');
  return scalar;
}

/** Decodes a compressed point of the curve (SEC 1 §2.3.4); infinity has no such encoding. Throws `code`. */
function decodePoint(bytes: Uint8Array, code: 'bad-key' | 'bad-vrf-proof'): P256Point {
  ensure(bytes.length === POINT_LENGTH, code, 'a compressed point of P-256 is 33 bytes');
  try {
    return Point.fromBytes(bytes);
  } catch (error) {
    throw new GlasskeyError(code, 'not a point of P-256', { cause: error });
  }
}

/** ECVRF_validate_key (RFC 9381 §5.4.5) of an untrusted key. The group has prime order. Throws `bad-key`. */
export function assertP256VrfKey(publicKey: Uint8Array): void {
  decodePoint(publicKey, 'bad-key');
}

/** The candidates of ECVRF_encode_to_curve_try_and_increment (RFC 9381 §5.4.1.1), compressed; about half are points. */
export function* p256CurveCandidates(publicKey: Uint8Array, alpha: Uint8Array): Generator<Uint8Array> {
  for (let counter = 0; counter < 256; counter++) {
    const input = concatBytes(Uint8Array.of(SUITE, ENCODE_TO_CURVE), publicKey, alpha, Uint8Array.of(counter, BACK));
    yield concatBytes(Uint8Array.of(EVEN), sha256(input));
  }
}

/** ECVRF_encode_to_curve (RFC 9381 §5.4.1.1). */
function encodeToCurve(publicKey: Uint8Array, alpha: Uint8Array): P256Point {
  for (const candidate of p256CurveCandidates(publicKey, alpha)) {
    try {
      return Point.fromBytes(candidate);
    } catch {
      continue;
    }
  }
  throw new GlasskeyError('internal', 'no curve point in 256 tries');
}

function decodeInteger(bigEndian: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bigEndian) value = (value << 8n) | BigInt(byte);
  return value;
}

function encodeScalar(value: bigint): Uint8Array {
  const bytes = new Uint8Array(SCALAR_LENGTH);
  let rest = value;
  for (let i = SCALAR_LENGTH - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** ECVRF_nonce_generation_RFC6979 (RFC 9381 §5.4.2.1, RFC 6979 §3.2) for the compressed hashed point: 32 bytes. */
export function p256VrfNonce(secretKey: Uint8Array, curvePoint: Uint8Array): Uint8Array {
  const reduced = encodeScalar(decodeInteger(sha256(curvePoint)) % ORDER);
  let key: Uint8Array = new Uint8Array(32);
  let value: Uint8Array = new Uint8Array(32).fill(1);
  const rekey = (...rest: Uint8Array[]): void => {
    key = hmac(nobleSha256, key, concatBytes(value, ...rest));
    value = hmac(nobleSha256, key, value);
  };
  rekey(Uint8Array.of(0), secretKey, reduced);
  rekey(Uint8Array.of(1), secretKey, reduced);
  for (;;) {
    value = hmac(nobleSha256, key, value);
    const nonce = decodeInteger(value);
    if (nonce > 0n && nonce < ORDER) return value;
    rekey(Uint8Array.of(0));
  }
}

/** ECVRF_challenge_generation (RFC 9381 §5.4.3) over the compressed Y, H, Gamma, U and V: 16 bytes. */
export function p256VrfChallenge(points: readonly Uint8Array[]): Uint8Array {
  const input = concatBytes(Uint8Array.of(SUITE, CHALLENGE), ...points, Uint8Array.of(BACK));
  return sha256(input).slice(0, CHALLENGE_LENGTH);
}

/** ECVRF_proof_to_hash (RFC 9381 §5.2) over the compressed Gamma (the cofactor is 1). */
export function p256VrfOutput(gamma: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(SUITE, PROOF_TO_HASH), gamma, Uint8Array.of(BACK)));
}

/** Computes the last scalar of a proof, k + c*x modulo the group order. */
export function p256VrfResponse(secretKey: Uint8Array, nonce: Uint8Array, challenge: Uint8Array): Uint8Array {
  const product = decodeInteger(challenge) * decodeInteger(secretKey);
  return encodeScalar((decodeInteger(nonce) + product) % ORDER);
}

/** ECVRF_prove (RFC 9381 §5.1) with a 32-byte secret key. Throws `bad-key`. */
export function proveP256Vrf(secretKey: Uint8Array, alpha: Uint8Array): VrfResult {
  const x = decodeSecret(secretKey);
  const publicKey = Point.BASE.multiply(x).toBytes(true);
  const point = encodeToCurve(publicKey, alpha);
  const encodedPoint = point.toBytes(true);
  const gamma = point.multiply(x).toBytes(true);
  const nonce = p256VrfNonce(secretKey, encodedPoint);
  const k = decodeInteger(nonce);
  const u = Point.BASE.multiply(k).toBytes(true);
  const v = point.multiply(k).toBytes(true);
  const challenge = p256VrfChallenge([publicKey, encodedPoint, gamma, u, v]);
  const proof = concatBytes(gamma, challenge, p256VrfResponse(secretKey, nonce, challenge));
  return { output: p256VrfOutput(gamma), proof };
}

/**
 * ECVRF_verify (RFC 9381 §5.3) of an untrusted proof, with validate_key. Returns the 32-byte output. Throws `bad-key`
 * or `bad-vrf-proof`.
 */
export function verifyP256Vrf(publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array {
  const y = decodePoint(publicKey, 'bad-key');
  ensure(proof.length === P256_VRF_PROOF_LENGTH, 'bad-vrf-proof', `a VRF proof is ${P256_VRF_PROOF_LENGTH} bytes`);
  const encodedGamma = proof.slice(0, POINT_LENGTH);
  const gamma = decodePoint(encodedGamma, 'bad-vrf-proof');
  const challenge = proof.slice(POINT_LENGTH, POINT_LENGTH + CHALLENGE_LENGTH);
  const s = decodeInteger(proof.slice(POINT_LENGTH + CHALLENGE_LENGTH));
  ensure(s < ORDER, 'bad-vrf-proof', 'the scalar is not reduced');
  const c = decodeInteger(challenge);
  const point = encodeToCurve(publicKey, alpha);
  // U uses a precomputed table for the base; V shares its doublings. All inputs are public.
  const u = Point.BASE.multiplyUnsafe(s).subtract(y.multiplyUnsafe(c));
  const v = mulAddUnsafe(Point, [point, gamma.negate()], [s, c]);
  // An honest proof never meets infinity, which has no compressed encoding.
  ensure(!u.is0() && !v.is0(), 'bad-vrf-proof', 'the VRF proof is degenerate');
  const encoded = [publicKey, point.toBytes(true), encodedGamma, u.toBytes(true), v.toBytes(true)];
  ensure(equalBytes(challenge, p256VrfChallenge(encoded)), 'bad-vrf-proof', 'the VRF proof does not verify');
  return p256VrfOutput(encodedGamma);
}
