import { mulAddUnsafe } from '@noble/curves/abstract/curve.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { concatBytes, equalBytes } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { sha512 } from './sha512.ts';
import type { VrfProver, VrfResult } from './vrf-prover.ts';

/**
 * ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381 §5.5), with the output truncated to 32 bytes (KT §17.1).
 *
 * Proving multiplies points in noble's constant-time way, but computes scalars as bigints, whose timing may depend on
 * their values. Servers prove with libsodium.
 */

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
type EdwardsPoint = ReturnType<typeof Point.fromBytes>;

const SUITE = 0x03;
const CHALLENGE_LENGTH = 16;
const SCALAR_LENGTH = 32;
/** VRF.Np (KT §17.1). */
export const VRF_PROOF_LENGTH = 80;
/** VRF.Nh (KT §17.1). */
export const VRF_OUTPUT_LENGTH = 32;

const ENCODE_TO_CURVE = 0x01;
const CHALLENGE = 0x02;
const PROOF_TO_HASH = 0x03;
const BACK = 0x00;

/** The parts of a secret key (RFC 8032 §5.1.5): the scalar, and the second half of the hash, which seeds nonces. */
export interface VrfSecret {
  readonly scalar: Uint8Array;
  readonly noncePrefix: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** Returns the VRF public key of a 32-byte secret key. */
export function vrfPublicKey(secretKey: Uint8Array): Uint8Array {
  return ed25519.getPublicKey(secretKey);
}

/** Expands a 32-byte secret key (RFC 8032 §5.1.5). Throws `bad-key` for another length. */
export function expandVrfSecret(secretKey: Uint8Array): VrfSecret {
  ensure(secretKey.length === 32, 'bad-key', 'a VRF secret key is 32 bytes');
  const digest = sha512(secretKey);
  const scalar = digest.slice(0, 32);
  scalar[0] = (scalar[0] as number) & 0xf8;
  scalar[31] = ((scalar[31] as number) & 0x7f) | 0x40;
  return { scalar, noncePrefix: digest.slice(32), publicKey: vrfPublicKey(secretKey) };
}

/** Decodes a canonical point of the curve (RFC 8032 §5.1.3). Throws `code`. */
function decodePoint(bytes: Uint8Array, code: 'bad-key' | 'bad-vrf-proof'): EdwardsPoint {
  try {
    return Point.fromBytes(bytes, false);
  } catch (error) {
    throw new GlasskeyError(code, 'not a canonical point of the curve', { cause: error });
  }
}

/** ECVRF_validate_key (RFC 9381 §5.4.5): returns the point of a public key that is canonical and not of small order. */
function decodePublicKey(publicKey: Uint8Array): EdwardsPoint {
  ensure(publicKey.length === 32, 'bad-key', 'a VRF public key is 32 bytes');
  const point = decodePoint(publicKey, 'bad-key');
  ensure(!point.isSmallOrder(), 'bad-key', 'a VRF public key of small order');
  return point;
}

/**
 * Throws `bad-key` if a public key is not a canonical point, or has small order (RFC 9381 §5.4.5). Under a key of small
 * order, one input would have several outputs.
 */
export function assertVrfPublicKey(publicKey: Uint8Array): void {
  decodePublicKey(publicKey);
}

/** The candidate hashes of ECVRF_encode_to_curve_try_and_increment (RFC 9381 §5.4.1.1), each cut to 32 bytes. */
export function* curveCandidates(publicKey: Uint8Array, alpha: Uint8Array): Generator<Uint8Array> {
  for (let counter = 0; counter < 256; counter++) {
    const input = concatBytes(Uint8Array.of(SUITE, ENCODE_TO_CURVE), publicKey, alpha, Uint8Array.of(counter, BACK));
    yield sha512(input).slice(0, 32);
  }
}

/** ECVRF_encode_to_curve: returns a point of the prime-order subgroup. */
function encodeToCurve(publicKey: Uint8Array, alpha: Uint8Array): EdwardsPoint {
  for (const candidate of curveCandidates(publicKey, alpha)) {
    let point: EdwardsPoint;
    try {
      point = Point.fromBytes(candidate, false);
    } catch {
      continue;
    }
    const cleared = point.clearCofactor();
    if (!cleared.equals(Point.ZERO)) return cleared;
  }
  throw new GlasskeyError('internal', 'no curve point in 256 tries');
}

function decodeScalar(littleEndian: Uint8Array): bigint {
  let value = 0n;
  for (let i = littleEndian.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(littleEndian[i] as number);
  return value;
}

function encodeScalar(value: bigint): Uint8Array {
  const bytes = new Uint8Array(SCALAR_LENGTH);
  let rest = value;
  for (let i = 0; i < SCALAR_LENGTH; i++) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** ECVRF_challenge_generation (RFC 9381 §5.4.3) over the encodings of Y, H, Gamma, U and V: 16 bytes. */
export function vrfChallenge(points: readonly Uint8Array[]): Uint8Array {
  const input = concatBytes(Uint8Array.of(SUITE, CHALLENGE), ...points, Uint8Array.of(BACK));
  return sha512(input).slice(0, CHALLENGE_LENGTH);
}

/** ECVRF_nonce_generation_RFC8032 (RFC 9381 §5.4.2.2): 64 bytes, which the caller reduces. */
export function vrfNonce(noncePrefix: Uint8Array, curvePoint: Uint8Array): Uint8Array {
  return sha512(concatBytes(noncePrefix, curvePoint));
}

/** ECVRF_proof_to_hash (RFC 9381 §5.2) over the encoding of cofactor * Gamma, truncated to 32 bytes. */
export function vrfOutput(clearedGamma: Uint8Array): Uint8Array {
  const input = concatBytes(Uint8Array.of(SUITE, PROOF_TO_HASH), clearedGamma, Uint8Array.of(BACK));
  return sha512(input).slice(0, VRF_OUTPUT_LENGTH);
}

/**
 * Computes the last scalar of a proof, k + c*x modulo the group order, from the 64-byte nonce and the 16-byte
 * challenge.
 */
export function vrfResponse(secret: VrfSecret, nonce: Uint8Array, challenge: Uint8Array): Uint8Array {
  return encodeScalar((decodeScalar(nonce) + decodeScalar(challenge) * decodeScalar(secret.scalar)) % ORDER);
}

/** ECVRF_prove (RFC 9381 §5.1) with a 32-byte secret key. */
export function proveVrf(secretKey: Uint8Array, alpha: Uint8Array): VrfResult {
  const secret = expandVrfSecret(secretKey);
  const x = decodeScalar(secret.scalar) % ORDER;
  const point = encodeToCurve(secret.publicKey, alpha);
  const encodedPoint = point.toBytes();
  const gamma = point.multiply(x);
  const nonce = vrfNonce(secret.noncePrefix, encodedPoint);
  const k = decodeScalar(nonce) % ORDER;
  const challenge = vrfChallenge([
    secret.publicKey,
    encodedPoint,
    gamma.toBytes(),
    Point.BASE.multiply(k).toBytes(),
    point.multiply(k).toBytes(),
  ]);
  return {
    output: vrfOutput(gamma.clearCofactor().toBytes()),
    proof: concatBytes(gamma.toBytes(), challenge, vrfResponse(secret, nonce, challenge)),
  };
}

/** Creates the VRF prover that runs on every platform, at about 3 ms an input. `secretKey` is 32 bytes. */
export function nobleVrfProver(secretKey: Uint8Array): VrfProver {
  return {
    publicKey: vrfPublicKey(secretKey),
    prove: (inputs) => Promise.resolve(inputs.map((input) => proveVrf(secretKey, input))),
  };
}

/** An untrusted proof, taken apart: gamma has 32 bytes, the challenge 16, and the scalar 32, below the group order. */
export interface VrfProofParts {
  readonly gamma: Uint8Array;
  readonly challenge: Uint8Array;
  readonly scalar: Uint8Array;
}

/**
 * A platform's quick check of a proof under an untrusted 32-byte key. It returns the 32-byte output if RFC 9381 accepts
 * key and proof; undefined means nothing.
 */
export type VrfCheck = (publicKey: Uint8Array, alpha: Uint8Array, proof: VrfProofParts) => Uint8Array | undefined;

let check: VrfCheck = () => undefined;

/** Makes this process ask a platform first; what that does not accept is judged as before. */
export function installVrfCheck(quick: VrfCheck): void {
  check = quick;
}

/**
 * ECVRF_verify (RFC 9381 §5.3) of an untrusted proof, with validate_key. Returns the 32-byte output. Throws `bad-key`
 * or `bad-vrf-proof`.
 */
export function verifyVrf(publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array {
  ensure(publicKey.length === 32, 'bad-key', 'a VRF public key is 32 bytes');
  ensure(proof.length === VRF_PROOF_LENGTH, 'bad-vrf-proof', `a VRF proof is ${VRF_PROOF_LENGTH} bytes`);
  const parts = { gamma: proof.slice(0, 32), challenge: proof.slice(32, 48), scalar: proof.slice(48) };
  const s = decodeScalar(parts.scalar);
  const quick = s < ORDER ? check(publicKey, alpha, parts) : undefined;
  if (quick !== undefined) return quick;
  const y = decodePublicKey(publicKey);
  const gamma = decodePoint(parts.gamma, 'bad-vrf-proof');
  ensure(s < ORDER, 'bad-vrf-proof', 'the scalar is not reduced');
  const { challenge } = parts;
  const c = decodeScalar(challenge);
  const point = encodeToCurve(publicKey, alpha);
  // U uses a precomputed table for the base; V shares its doublings. All inputs are public.
  const u = Point.BASE.multiplyUnsafe(s).subtract(y.multiplyUnsafe(c));
  const v = mulAddUnsafe(Point, [point, gamma.negate()], [s, c]);
  const expected = vrfChallenge([publicKey, point.toBytes(), gamma.toBytes(), u.toBytes(), v.toBytes()]);
  ensure(equalBytes(challenge, expected), 'bad-vrf-proof', 'the VRF proof does not verify');
  return vrfOutput(gamma.clearCofactor().toBytes());
}
