import { AeadId, type AeadInterface } from '@hpke/core';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { bufferOf, copyOf } from './raw-kem.ts';

/**
 * ChaCha20-Poly1305 (RFC 8439) in the form that @hpke/core takes: WebCrypto has none, and this one takes the same time
 * for every key.
 */
export const CHACHA_AEAD: AeadInterface = {
  id: AeadId.Chacha20Poly1305,
  keySize: 32,
  nonceSize: 12,
  tagSize: 16,
  createEncryptionContext(key) {
    const keyBytes = copyOf(key);
    return {
      seal: async (nonce, data, aad) =>
        bufferOf(chacha20poly1305(keyBytes, copyOf(nonce), copyOf(aad)).encrypt(copyOf(data))),
      open: async (nonce, data, aad) =>
        bufferOf(chacha20poly1305(keyBytes, copyOf(nonce), copyOf(aad)).decrypt(copyOf(data))),
    };
  },
};
