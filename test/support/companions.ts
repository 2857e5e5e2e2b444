import { x25519 } from '@noble/curves/ed25519.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';

/** Companion keys of both kinds, others for each seed. */
export function companionsOf(seed: number): { readonly x25519: Uint8Array; readonly mlKem768: Uint8Array } {
  return {
    x25519: x25519.getPublicKey(new Uint8Array(32).fill(seed)),
    mlKem768: ml_kem768.keygen(new Uint8Array(64).fill(seed)).publicKey,
  };
}
