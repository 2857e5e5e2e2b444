import { ed25519 } from '@noble/curves/ed25519.js';
import { noteSigner, type NoteSigner } from '../../../src/core/audit/note.ts';
import type { Signer } from '../../../src/core/crypto/signer.ts';

/** An Ed25519 signer whose secret key is `seed`, 32 times. For tests only. */
export function testSigner(seed: number): Signer {
  const secretKey = new Uint8Array(32).fill(seed);
  return {
    algorithm: 'ed25519',
    spki: new Uint8Array(),
    publicKey: ed25519.getPublicKey(secretKey),
    sign: (message) => Promise.resolve(ed25519.sign(message, secretKey)),
  };
}

/** The same, under a name. */
export function testNoteSigner(name: string, seed: number): NoteSigner {
  return noteSigner(name, testSigner(seed));
}
