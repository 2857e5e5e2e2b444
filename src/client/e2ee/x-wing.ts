import { KemId } from '@hpke/core';
import { x25519 } from '@noble/curves/ed25519.js';
import { sha3_256 } from '@noble/hashes/sha3.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { concatBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import type { RawKem } from './raw-kem.ts';

const LABEL = encodeUtf8('\\.//^\\');
const ML_KEM_SEED_BYTES = 64;
const ML_KEM_PUBLIC_BYTES = 1184;
const ML_KEM_CIPHERTEXT_BYTES = 1088;
const X25519_BYTES = 32;

/**
 * X-Wing (draft-connolly-cfrg-xwing-kem §5), with the private key in its two parts: the seed of the ML-KEM-768 key,
 * then the X25519 key. So companion keys that were made apart work too: the combiner does not ask where the parts come
 * from. A public key is that of ML-KEM-768, then that of X25519. Throws for an X25519 key of small order.
 */
export const X_WING: RawKem = {
  id: KemId.XWing,
  encBytes: ML_KEM_CIPHERTEXT_BYTES + X25519_BYTES,
  publicKeyBytes: ML_KEM_PUBLIC_BYTES + X25519_BYTES,
  privateKeyBytes: ML_KEM_SEED_BYTES + X25519_BYTES,
  randomBytes: 64,
  encapsulate(publicKey, random) {
    const [publicM, publicX] = split(publicKey, ML_KEM_PUBLIC_BYTES);
    const [randomM, ephemeral] = split(random, 32);
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicM, randomM);
    const encX = x25519.getPublicKey(ephemeral);
    const secretX = x25519.getSharedSecret(ephemeral, publicX);
    return { enc: concatBytes(cipherText, encX), sharedSecret: combine(sharedSecret, secretX, encX, publicX) };
  },
  decapsulate(privateKey, enc) {
    const [seedM, privateX] = split(privateKey, ML_KEM_SEED_BYTES);
    const [encM, encX] = split(enc, ML_KEM_CIPHERTEXT_BYTES);
    const secretM = ml_kem768.decapsulate(encM, ml_kem768.keygen(seedM).secretKey);
    const secretX = x25519.getSharedSecret(privateX, encX);
    return combine(secretM, secretX, encX, x25519.getPublicKey(privateX));
  },
};

/** The combiner of §5.3. */
function combine(secretM: Uint8Array, secretX: Uint8Array, encX: Uint8Array, publicX: Uint8Array): Uint8Array {
  return sha3_256(concatBytes(secretM, secretX, encX, publicX, LABEL));
}

function split(bytes: Uint8Array, at: number): [Uint8Array, Uint8Array] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}
