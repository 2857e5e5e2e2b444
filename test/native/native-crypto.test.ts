import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proveVrf, VRF_PROOF_LENGTH, type VrfProofParts, vrfPublicKey } from '../../src/core/crypto/vrf-ed25519.ts';
import { opensslEd25519Check } from '../../src/native/openssl-ed25519-check.ts';
import { isSodium, loadSodium, type Sodium } from '../../src/native/sodium.ts';
import { sodiumVrfCheck } from '../../src/native/sodium-vrf-check.ts';

const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const text = fc.uint8Array({ maxLength: 300 });

function partsOf(proof: Uint8Array): VrfProofParts {
  return { gamma: proof.slice(0, 32), challenge: proof.slice(32, 48), scalar: proof.slice(48, VRF_PROOF_LENGTH) };
}

describe('the quick check of a VRF proof', () => {
  const sodium = loadSodium();
  const check = sodium === undefined ? undefined : sodiumVrfCheck(sodium);

  it('knows every proof that an honest prover makes, so that noble has nothing to do', () => {
    fc.assert(
      fc.property(bytes, text, (secret, alpha) => {
        const { proof, output } = proveVrf(secret, alpha);
        expect(check?.(vrfPublicKey(secret), alpha, partsOf(proof))).toEqual(output);
      }),
      { numRuns: 25 },
    );
  });

  it('says nothing of other keys, other inputs and what is no point', () => {
    const [secret, alpha] = [new Uint8Array(32).fill(9), Uint8Array.of(1)];
    const [publicKey, parts] = [vrfPublicKey(secret), partsOf(proveVrf(secret, alpha).proof)];
    expect(check?.(publicKey, Uint8Array.of(2), parts)).toBeUndefined();
    expect(check?.(vrfPublicKey(new Uint8Array(32)), alpha, parts)).toBeUndefined();
    expect(check?.(new Uint8Array(32).fill(0xff), alpha, parts)).toBeUndefined();
    expect(check?.(new Uint8Array(31), alpha, parts)).toBeUndefined();
    expect(check?.(publicKey, alpha, { ...parts, gamma: new Uint8Array(32).fill(0xff) })).toBeUndefined();
    expect(check?.(publicKey, alpha, { ...parts, challenge: new Uint8Array(16) })).toBeUndefined();
  });
});

it('libsodium is used only if it computes what is known, and refuses what it must', () => {
  const sodium = loadSodium()!;
  expect(isSodium(sodium)).toBe(true);
  const silent = new Proxy(sodium, { get: () => () => undefined });
  const lax: Sodium = { ...sodium, crypto_scalarmult_ed25519_noclamp: (result, _, point) => result.set(point) };
  for (const other of [silent, lax]) expect(isSodium(other)).toBe(false);
});

describe('the quick check of an Ed25519 signature', () => {
  it('knows every honest signature, and no flipped one', () => {
    fc.assert(
      fc.property(bytes, text, fc.nat(511), (secret, message, bit) => {
        const [publicKey, signature] = [ed25519.getPublicKey(secret), ed25519.sign(message, secret)];
        expect(opensslEd25519Check(publicKey, message, signature)).toBe(true);
        const i = Math.floor(bit / 8);
        const flipped = signature.with(i, (signature[i] as number) ^ (1 << (bit % 8)));
        expect(opensslEd25519Check(publicKey, message, flipped)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('says nothing of what is no key and no signature', () => {
    expect(opensslEd25519Check(new Uint8Array(31), new Uint8Array(1), new Uint8Array(64))).toBe(false);
    expect(opensslEd25519Check(ed25519.getPublicKey(new Uint8Array(32)), new Uint8Array(1), new Uint8Array(1))).toBe(
      false,
    );
  });
});
