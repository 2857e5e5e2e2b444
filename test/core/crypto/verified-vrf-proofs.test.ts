import { describe, expect, it } from 'vitest';
import { rememberVrfProofs } from '../../../src/core/crypto/verified-vrf-proofs.ts';
import { proveVrf, verifyVrf, vrfPublicKey } from '../../../src/core/crypto/vrf-ed25519.ts';

const secretKey = new Uint8Array(32).fill(5);
const publicKey = vrfPublicKey(secretKey);
const input = Uint8Array.of(1, 2, 3);
const { proof, output } = proveVrf(secretKey, input);

/** Counts what is really verified. */
function counting(capacity = 100_000) {
  const counted = { count: 0 };
  const verify = rememberVrfProofs((...of) => {
    counted.count++;
    return verifyVrf(...of);
  }, capacity);
  return Object.assign(counted, { verify });
}

describe('VRF proofs that were verified', () => {
  it('are verified once, and give each caller an output of its own', () => {
    const counted = counting();
    for (let i = 0; i < 3; i++) {
      const given = counted.verify(publicKey, input, proof);
      expect(given).toEqual(output);
      given.fill(0);
    }
    expect(counted.count).toBe(1);
  });

  it('are others with any byte of key, input or proof changed', () => {
    const counted = counting();
    counted.verify(publicKey, input, proof);
    for (const [which, bytes] of [publicKey, input, proof].entries()) {
      for (let i = 0; i < bytes.length; i++) {
        const damaged = bytes.slice();
        damaged[i] = (damaged[i] as number) ^ 1;
        const parts: [Uint8Array, Uint8Array, Uint8Array] = [publicKey, input, proof];
        parts[which] = damaged;
        expect(() => counted.verify(...parts)).toThrow();
      }
    }
    expect(counted.count).toBe(1 + publicKey.length + input.length + proof.length);
  });

  it('are others with the same bytes cut elsewhere', () => {
    const counted = counting();
    counted.verify(publicKey, input, proof);
    const bytes = Uint8Array.of(...input, ...proof);
    for (const cut of [2, 4]) {
      expect(() => counted.verify(publicKey, bytes.slice(0, cut), bytes.slice(cut))).toThrow();
    }
    expect(counted.count).toBe(3);
  });

  it('are not remembered where they did not verify', () => {
    const counted = counting();
    const damaged = proof.toReversed();
    for (let i = 0; i < 2; i++) expect(() => counted.verify(publicKey, input, damaged)).toThrow();
    expect(counted.count).toBe(2);
  });

  it('are forgotten beyond the capacity', () => {
    const counted = counting(10);
    for (let i = 0; i < 2; i++) expect(counted.verify(publicKey, input, proof)).toEqual(output);
    expect(counted.count).toBe(2);
  });
});
