import { gcm } from '@noble/ciphers/aes.js';
import { platformSubtle } from '../platform.ts';

/** AES-256-GCM under one key, without additional data. A nonce must never seal two texts. */
export interface AesGcm {
  /** Returns the ciphertext with its tag of 16 bytes. */
  seal(nonce: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>;
  /** Rejects, with an error of the platform, unless the untrusted ciphertext was sealed under this key and nonce. */
  open(nonce: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array>;
}

/** Bytes that a ciphertext is longer than its plaintext. */
export const TAG_BYTES = 16;

/** Prepares a key of 32 bytes: for WebCrypto, or for noble where there is none. */
export async function aesGcmOf(key: Uint8Array): Promise<AesGcm> {
  const subtle = platformSubtle();
  if (subtle === undefined) {
    return {
      seal: async (nonce, plaintext) => gcm(key, nonce).encrypt(plaintext),
      open: async (nonce, ciphertext) => gcm(key, nonce).decrypt(ciphertext),
    };
  }
  const imported = await subtle.importKey('raw', new Uint8Array(key), 'AES-GCM', false, ['encrypt', 'decrypt']);
  const run = async (direction: 'encrypt' | 'decrypt', nonce: Uint8Array, input: Uint8Array): Promise<Uint8Array> => {
    const algorithm = { name: 'AES-GCM', iv: new Uint8Array(nonce) };
    return new Uint8Array(await subtle[direction](algorithm, imported, new Uint8Array(input)));
  };
  return {
    seal: (nonce, plaintext) => run('encrypt', nonce, plaintext),
    open: (nonce, ciphertext) => run('decrypt', nonce, ciphertext),
  };
}
