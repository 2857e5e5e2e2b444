import { ed25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cipherSuite, KT_128_SHA256_ED25519, KT_128_SHA256_P256 } from '../../../src/core/crypto/cipher-suite.ts';
import { p256VrfPublicKey } from '../../../src/core/crypto/vrf-p256.ts';
import { concatBytes, parseHex } from '../../../src/core/encoding/bytes.ts';
import { VERIFIERS } from '../../support/verifiers.ts';
import { NON_CANONICAL_POINTS, NOT_ON_CURVE, SMALL_ORDER_POINTS } from './small-order-points.ts';

const BAD_KEY = expect.objectContaining({ code: 'bad-key' });
const BAD_SIGNATURE = expect.objectContaining({ code: 'bad-signature' });

const secretKey = parseHex('5a'.repeat(32));
const message = parseHex('c0ffee');

const ed25519Suite = cipherSuite(KT_128_SHA256_ED25519);
const p256Suite = cipherSuite(KT_128_SHA256_P256);
const sides = [
  {
    suite: ed25519Suite,
    publicKey: ed25519.getPublicKey(secretKey),
    signature: ed25519.sign(message, secretKey),
  },
  {
    suite: p256Suite,
    publicKey: p256.getPublicKey(secretKey, false),
    signature: p256.sign(message, secretKey, { lowS: false, prehash: true }),
  },
];

describe.each(VERIFIERS)('cipher suites by $verifier', ({ install, uninstall }) => {
  beforeAll(install);
  afterAll(uninstall);

  it('are the two of the draft', () => {
    expect(ed25519Suite).toMatchObject({ id: 2, hashLength: 32, vrfProofLength: 80, openingLength: 16 });
    expect(p256Suite).toMatchObject({ id: 1, hashLength: 32, vrfProofLength: 81, openingLength: 16 });
    for (const id of [0, 3, 0xf000, 0xffff]) {
      expect(() => cipherSuite(id)).toThrow(expect.objectContaining({ code: 'unsupported-suite' }));
    }
  });

  describe.each(sides)('$suite.name', ({ suite, publicKey, signature }) => {
    it('verifies a signature and refuses every flipped bit of it', () => {
      suite.verifySignature(publicKey, message, signature);
      fc.assert(
        fc.property(fc.nat({ max: 511 }), (bit) => {
          const i = Math.floor(bit / 8);
          const flipped = signature.with(i, (signature[i] as number) ^ (1 << (bit % 8)));
          expect(() => suite.verifySignature(publicKey, message, flipped)).toThrow(BAD_SIGNATURE);
        }),
        { numRuns: 60 },
      );
    });

    it('refuses other messages and lengths', () => {
      expect(() => suite.verifySignature(publicKey, parseHex('c0ffef'), signature)).toThrow(BAD_SIGNATURE);
      expect(() => suite.verifySignature(publicKey, message, signature.subarray(1))).toThrow(BAD_SIGNATURE);
      expect(() => suite.verifySignature(publicKey, message, concatBytes(signature, signature))).toThrow(BAD_SIGNATURE);
      expect(() => suite.verifySignature(publicKey, message, new Uint8Array(0))).toThrow(BAD_SIGNATURE);
      expect(() => suite.verifySignature(publicKey, message, new Uint8Array(64))).toThrow(BAD_SIGNATURE);
    });
  });
});

describe.each(VERIFIERS)('KT_128_SHA256_Ed25519 by $verifier', ({ install, uninstall }) => {
  beforeAll(install);
  afterAll(uninstall);

  const { publicKey, signature } = sides[0]!;

  it('refuses a signature whose R is not canonical', () => {
    for (const r of [...NON_CANONICAL_POINTS, NOT_ON_CURVE]) {
      expect(() => ed25519Suite.verifySignature(publicKey, message, concatBytes(r, signature.slice(32)))).toThrow(
        BAD_SIGNATURE,
      );
    }
  });

  it('refuses weak and malformed keys of both kinds', () => {
    for (const key of [...SMALL_ORDER_POINTS, ...NON_CANONICAL_POINTS, NOT_ON_CURVE, publicKey.subarray(1)]) {
      expect(() => ed25519Suite.assertSignatureKey(key)).toThrow(BAD_KEY);
      expect(() => ed25519Suite.assertVrfKey(key)).toThrow(BAD_KEY);
      expect(() => ed25519Suite.verifySignature(key, message, signature)).toThrow(BAD_KEY);
    }
    ed25519Suite.assertSignatureKey(publicKey);
    ed25519Suite.assertVrfKey(publicKey);
  });
});

describe('KT_128_SHA256_P256', () => {
  const { publicKey, signature } = sides[1]!;
  const order = p256.Point.Fn.ORDER;

  it('takes both signatures that differ in the sign of s, and no number that is not reduced', () => {
    const { r, s } = p256.Signature.fromBytes(signature);
    p256Suite.verifySignature(publicKey, message, new p256.Signature(r, order - s).toBytes());
    const wide = (value: bigint): Uint8Array => parseHex(value.toString(16).padStart(64, '0'));
    for (const [left, right] of [
      [r + order, s],
      [r, s + order],
      [r, 0n],
      [0n, s],
      [order, s],
      [r, order],
    ] as const) {
      if (left >= 2n ** 256n || right >= 2n ** 256n) continue;
      const bytes = concatBytes(wide(left), wide(right));
      expect(() => p256Suite.verifySignature(publicKey, message, bytes)).toThrow(BAD_SIGNATURE);
    }
  });

  it('takes signature keys as uncompressed points and VRF keys as compressed ones', () => {
    const compressed = p256.getPublicKey(secretKey, true);
    expect(p256VrfPublicKey(secretKey)).toEqual(compressed);
    p256Suite.assertSignatureKey(publicKey);
    p256Suite.assertVrfKey(compressed);
    expect(() => p256Suite.assertSignatureKey(compressed)).toThrow(BAD_KEY);
    expect(() => p256Suite.assertVrfKey(publicKey)).toThrow(BAD_KEY);
  });

  it('refuses keys that are no points of the curve', () => {
    const offCurve = publicKey.with(64, (publicKey[64] as number) ^ 1);
    const large = concatBytes(Uint8Array.of(4), new Uint8Array(64).fill(0xff));
    const infinity = concatBytes(Uint8Array.of(4), new Uint8Array(64));
    const hybrid = publicKey.with(0, 6);
    for (const key of [offCurve, large, infinity, hybrid, Uint8Array.of(0), publicKey.subarray(1)]) {
      expect(() => p256Suite.assertSignatureKey(key)).toThrow(BAD_KEY);
      expect(() => p256Suite.verifySignature(key, message, signature)).toThrow(BAD_KEY);
    }
  });
});
