import { createECDH, ECDH } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { p256 } from '@noble/curves/nist.js';
import {
  p256CurveCandidates,
  p256VrfChallenge,
  p256VrfNonce,
  p256VrfOutput,
  p256VrfPublicKey,
  p256VrfResponse,
} from '../../core/crypto/vrf-p256.ts';
import type { VrfProver, VrfResult } from '../../core/crypto/vrf-prover.ts';
import { concatBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';

const CURVE = 'prime256v1';
const { Fp, Fn } = p256.Point;
const { a, b } = p256.Point.CURVE();

/** Proofs made before the event loop gets a turn: about 5 ms of work. */
const PROOFS_PER_TURN = 8;

/** A point of P-256 in OpenSSL's encoding, with its coordinates. */
interface CurvePoint {
  readonly uncompressed: Uint8Array;
  readonly x: bigint;
  readonly y: bigint;
}

/** A scalar k as OpenSSL's ECDH keys: k, and k + 1, which determines signs. */
interface Multiplier {
  readonly scalar: ECDH;
  readonly successor: ECDH;
}

/**
 * Returns a VRF prover (RFC 9381 ECVRF-P256-SHA256-TAI) on the ECDH of Node's OpenSSL. It is many times faster than
 * noble's and bit-identical to it. Point multiplication is constant-time; arithmetic on scalars uses bigints.
 * `secretKey` is 32 bytes. Throws `bad-key`.
 */
export function opensslVrfProver(secretKey: Uint8Array): VrfProver {
  const publicKey = p256VrfPublicKey(secretKey);
  const secret = multiplierOf(secretKey);
  const prove = (alpha: Uint8Array): VrfResult => {
    const point = encodeToCurve(publicKey, alpha);
    const encodedPoint = compress(point.x, point.y);
    const gamma = multiply(secret, point);
    const nonce = p256VrfNonce(secretKey, encodedPoint);
    const k = multiplierOf(nonce);
    const u = k.scalar.getPublicKey(null, 'compressed');
    const challenge = p256VrfChallenge([publicKey, encodedPoint, gamma, u, multiply(k, point)]);
    const proof = concatBytes(gamma, challenge, p256VrfResponse(secretKey, nonce, challenge));
    return { output: p256VrfOutput(gamma), proof };
  };
  return {
    publicKey,
    prove: async (inputs) => {
      const results: VrfResult[] = [];
      for (const input of inputs) {
        if (results.length > 0 && results.length % PROOFS_PER_TURN === 0) await setImmediate();
        results.push(prove(input));
      }
      return results;
    },
  };
}

/** Throws `bad-key` for 1 and -1, which leave the sign undetermined. No key generator returns them. */
function multiplierOf(scalar: Uint8Array): Multiplier {
  const value = readInteger(scalar);
  ensure(value > 1n && value < Fn.ORDER - 1n, 'bad-key', 'a secret scalar of P-256 is not 1 or -1');
  return { scalar: ecdhOf(scalar), successor: ecdhOf(writeInteger(value + 1n)) };
}

function ecdhOf(scalar: Uint8Array): ECDH {
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(scalar);
  return ecdh;
}

/**
 * Returns k * P, compressed. ECDH yields only the x-coordinate of a product. With those of k * P and (k + 1) * P, the
 * addition formula yields the y-coordinate: 2 y1 y = (x1 + x)(x1 x + a) + 2b - x2 (x1 - x)^2.
 */
function multiply(k: Multiplier, { uncompressed, x, y }: CurvePoint): Uint8Array {
  const x1 = readInteger(k.scalar.computeSecret(uncompressed));
  const x2 = readInteger(k.successor.computeSecret(uncompressed));
  const difference = x1 - x;
  const numerator = (x1 + x) * Fp.create(x1 * x + a) + 2n * b - x2 * Fp.create(difference * difference);
  const y1 = Fp.mul(Fp.create(numerator), Fp.inv(Fp.create(2n * y)));
  // Nonces are deterministic, so publishing a miscalculated proof would reveal the key.
  const isOnCurve = Fp.create(y1 * y1) === Fp.create((x1 * x1 + a) * x1 + b);
  ensure(isOnCurve, 'internal', 'the product is no point of the curve');
  return compress(x1, y1);
}

/** ECVRF_encode_to_curve_try_and_increment (RFC 9381 §5.4.1.1). */
function encodeToCurve(publicKey: Uint8Array, alpha: Uint8Array): CurvePoint {
  for (const candidate of p256CurveCandidates(publicKey, alpha)) {
    let uncompressed: Uint8Array;
    try {
      uncompressed = ECDH.convertKey(candidate, CURVE, undefined, undefined, 'uncompressed') as Buffer;
    } catch {
      continue; // not on the curve
    }
    const x = readInteger(uncompressed.subarray(1, 33));
    return { uncompressed, x, y: readInteger(uncompressed.subarray(33)) };
  }
  throw new GlasskeyError('internal', 'no curve point in 256 tries');
}

/** SEC 1 §2.3.3. */
function compress(x: bigint, y: bigint): Uint8Array {
  return concatBytes(Uint8Array.of((y & 1n) === 0n ? 2 : 3), writeInteger(x));
}

function readInteger(bigEndian: Uint8Array): bigint {
  const { buffer, byteOffset, length } = bigEndian;
  return BigInt(`0x${Buffer.from(buffer, byteOffset, length).toString('hex')}`);
}

function writeInteger(value: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'));
}
