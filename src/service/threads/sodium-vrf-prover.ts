import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import type sodiumNative from 'sodium-native';
import {
  curveCandidates,
  expandVrfSecret,
  nobleVrfProver,
  vrfChallenge,
  vrfNonce,
  vrfOutput,
  vrfResponse,
  type VrfSecret,
} from '../../core/crypto/vrf-ed25519.ts';
import type { VrfProver, VrfResult } from '../../core/crypto/vrf-prover.ts';
import { concatBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';

type Sodium = typeof sodiumNative;

/** Proofs made before the event loop gets a turn: about 5 ms of work. */
const PROOFS_PER_TURN = 12;

/** The identity of the group, encoded. */
const IDENTITY = Uint8Array.of(1, ...new Uint8Array(31));

/**
 * Returns a VRF prover (RFC 9381 ECVRF-EDWARDS25519-SHA512-TAI) on libsodium, about ten times faster than noble's and
 * bit-identical to it. Point multiplication is constant-time. The one multiplication of scalars in a proof uses
 * bigints, because the module does not export libsodium's. If the module does not load (on a platform without a
 * prebuilt binary), this is noble's prover. `secretKey` is 32 bytes.
 */
export function sodiumVrfProver(secretKey: Uint8Array): VrfProver {
  const sodium = loadSodium();
  if (sodium === undefined) return nobleVrfProver(secretKey);
  const secret = expandVrfSecret(secretKey);
  return {
    publicKey: secret.publicKey,
    prove: async (inputs) => {
      const results: VrfResult[] = [];
      for (const input of inputs) {
        if (results.length > 0 && results.length % PROOFS_PER_TURN === 0) await setImmediate();
        results.push(prove(sodium, secret, input));
      }
      return results;
    },
  };
}

function loadSodium(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Sodium;
  } catch {
    return undefined;
  }
}

/** ECVRF_prove (RFC 9381 §5.1). */
function prove(sodium: Sodium, secret: VrfSecret, alpha: Uint8Array): VrfResult {
  const point = encodeToCurve(sodium, secret.publicKey, alpha);
  const gamma = multiply(sodium, secret.scalar, point);
  const nonce = vrfNonce(secret.noncePrefix, point);
  const k = Buffer.alloc(32);
  sodium.crypto_core_ed25519_scalar_reduce(k, nonce);
  const u = Buffer.alloc(32);
  sodium.crypto_scalarmult_ed25519_base_noclamp(u, k);
  const challenge = vrfChallenge([secret.publicKey, point, gamma, u, multiply(sodium, k, point)]);
  return {
    output: vrfOutput(clearCofactor(sodium, gamma)),
    proof: concatBytes(gamma, challenge, vrfResponse(secret, nonce, challenge)),
  };
}

function multiply(sodium: Sodium, scalar: Uint8Array, point: Uint8Array): Uint8Array {
  const result = Buffer.alloc(32);
  sodium.crypto_scalarmult_ed25519_noclamp(result, scalar, point);
  return result;
}

/** Returns 8 * point by three doublings, which also work outside the prime-order subgroup. */
function clearCofactor(sodium: Sodium, point: Uint8Array): Uint8Array {
  let current = point;
  for (let i = 0; i < 3; i++) {
    const doubled = Buffer.alloc(32);
    sodium.crypto_core_ed25519_add(doubled, current, current);
    current = doubled;
  }
  return current;
}

/** ECVRF_encode_to_curve_try_and_increment (RFC 9381 §5.4.1.1). */
function encodeToCurve(sodium: Sodium, publicKey: Uint8Array, alpha: Uint8Array): Uint8Array {
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
  const y = encoded.slice();
  const sign = (y[31] as number) >> 7;
  y[31] = (y[31] as number) & 0x7f;
  const middleIsFull = y[31] === 0x7f && y.subarray(1, 31).every((byte) => byte === 0xff);
  if (middleIsFull && (y[0] as number) >= 0xed) return false;
  const isOne = y[0] === 1 && y.subarray(1).every((byte) => byte === 0);
  const isMinusOne = middleIsFull && y[0] === 0xec;
  return !(sign === 1 && (isOne || isMinusOne));
}
