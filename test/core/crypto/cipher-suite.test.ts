import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cipherSuite, KT_128_SHA256_ED25519 } from '../../../src/core/crypto/cipher-suite.ts';
import { concatBytes, parseHex } from '../../../src/core/encoding/bytes.ts';
import { NON_CANONICAL_POINTS, NOT_ON_CURVE, SMALL_ORDER_POINTS } from './small-order-points.ts';

const BAD_KEY = expect.objectContaining({ code: 'bad-key' });
const BAD_SIGNATURE = expect.objectContaining({ code: 'bad-signature' });

const suite = cipherSuite(KT_128_SHA256_ED25519);
const secretKey = parseHex('5a'.repeat(32));
const publicKey = ed25519.getPublicKey(secretKey);
const message = parseHex('c0ffee');
const signature = ed25519.sign(message, secretKey);

describe('KT_128_SHA256_Ed25519', () => {
  it('is the one suite there is', () => {
    expect(suite).toMatchObject({ id: 2, hashLength: 32, vrfProofLength: 80, openingLength: 16 });
    for (const id of [0, 1, 3, 0xffff]) {
      expect(() => cipherSuite(id)).toThrow(expect.objectContaining({ code: 'unsupported-suite' }));
    }
  });

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
  });

  it('refuses a signature whose R is not canonical', () => {
    for (const r of [...NON_CANONICAL_POINTS, NOT_ON_CURVE]) {
      expect(() => suite.verifySignature(publicKey, message, concatBytes(r, signature.slice(32)))).toThrow(
        BAD_SIGNATURE,
      );
    }
  });

  it('refuses weak and malformed keys of both kinds', () => {
    for (const key of [...SMALL_ORDER_POINTS, ...NON_CANONICAL_POINTS, NOT_ON_CURVE, publicKey.subarray(1)]) {
      expect(() => suite.assertSignatureKey(key)).toThrow(BAD_KEY);
      expect(() => suite.assertVrfKey(key)).toThrow(BAD_KEY);
      expect(() => suite.verifySignature(key, message, signature)).toThrow(BAD_KEY);
    }
    suite.assertSignatureKey(publicKey);
    suite.assertVrfKey(publicKey);
  });
});
