import { ed25519 } from '@noble/curves/ed25519.js';
import { expect, it } from 'vitest';
import { isEd25519Signature, type Vkey } from '../../../src/core/audit/vkey.ts';
import { isOwnSignature } from '../../../src/service/log/own-signature.ts';

const secretKey = new Uint8Array(32).fill(9);
const vkey: Vkey = { name: 'log.example', keyId: 1, type: 1, publicKey: ed25519.getPublicKey(secretKey) };
const message = new TextEncoder().encode('log.example\n1\n');
const signature = ed25519.sign(message, secretKey);

it('accepts the signature of the key, and none with a flipped bit, as noble does', () => {
  expect(isOwnSignature(vkey, message, signature)).toBe(true);
  for (let bit = 0; bit < 8 * signature.length; bit++) {
    const damaged = signature.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(isOwnSignature(vkey, message, damaged)).toBe(false);
  }
  expect(isOwnSignature(vkey, message.slice(1), signature)).toBe(false);
  for (const other of [signature.slice(1), new Uint8Array(65), new Uint8Array(0)]) {
    expect(isOwnSignature(vkey, message, other)).toBe(isEd25519Signature(vkey, message, other));
  }
});
