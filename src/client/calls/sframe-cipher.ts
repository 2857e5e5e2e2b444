import { ctr, gcm } from '@noble/ciphers/aes.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { platformSubtle } from '../platform.ts';
import { SFRAME_SUITES, type SframeSuite } from './sframe-suite.ts';

/** An AEAD under one key. A nonce has 12 bytes and is used for one {@link SframeCipher.seal} at most. */
export interface SframeCipher {
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>;
  /** Opens an untrusted ciphertext. Throws `bad-frame`. */
  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array>;
}

/**
 * Returns the AEAD of a suite (RFC 9605 §4.5) under `key` of `AEAD.Nk` bytes: the platform's WebCrypto computes it, or
 * noble where there is none.
 */
export async function sframeCipher(suite: SframeSuite, key: Uint8Array): Promise<SframeCipher> {
  const { aesKeyLength, tagLength } = SFRAME_SUITES[suite];
  if (aesKeyLength === undefined) return gcmCipher(key);
  const [encrypt, mac] = await Promise.all([
    counterMode(key.subarray(0, aesKeyLength)),
    macFunction(key.subarray(aesKeyLength)),
  ]);
  const tagOf = async (nonce: Uint8Array, aad: Uint8Array, body: Uint8Array): Promise<Uint8Array> => {
    const lengths = concatBytes(uint64(aad.length), uint64(body.length), uint64(tagLength));
    return (await mac(concatBytes(lengths, nonce, aad, body))).subarray(0, tagLength);
  };
  return {
    seal: async (nonce, aad, plaintext) => {
      const body = await encrypt(nonce, plaintext);
      return concatBytes(body, await tagOf(nonce, aad, body));
    },
    open: async (nonce, aad, ciphertext) => {
      const end = ciphertext.length - tagLength;
      ensure(end >= 0, 'bad-frame', 'a frame shorter than its tag');
      const body = ciphertext.subarray(0, end);
      ensure(isSame(await tagOf(nonce, aad, body), ciphertext.subarray(end)), 'bad-frame', FORGED);
      return encrypt(nonce, body);
    },
  };
}

const FORGED = 'a frame that no holder of its key has made, or that was changed on the way';
/** AES-CTR counts blocks in the last four bytes of its counter block. */
const BLOCK_COUNTER_BITS = 32;

/** WebCrypto takes views of array buffers that no thread shares, which every view here is. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

async function gcmCipher(key: Uint8Array): Promise<SframeCipher> {
  const subtle = platformSubtle();
  if (subtle === undefined) {
    const secret = key.slice();
    return {
      seal: async (nonce, aad, plaintext) => gcm(secret, nonce, aad).encrypt(plaintext),
      open: (nonce, aad, ciphertext) => refusing(async () => gcm(secret, nonce, aad).decrypt(ciphertext)),
    };
  }
  const held = await subtle.importKey('raw', owned(key), 'AES-GCM', false, ['encrypt', 'decrypt']);
  const parametersOf = (nonce: Uint8Array, aad: Uint8Array) => ({
    name: 'AES-GCM',
    iv: owned(nonce),
    additionalData: owned(aad),
  });
  return {
    seal: async (nonce, aad, plaintext) =>
      new Uint8Array(await subtle.encrypt(parametersOf(nonce, aad), held, owned(plaintext))),
    open: (nonce, aad, ciphertext) =>
      refusing(async () => new Uint8Array(await subtle.decrypt(parametersOf(nonce, aad), held, owned(ciphertext)))),
  };
}

/** AES in counter mode, where encryption and decryption are one. */
async function counterMode(key: Uint8Array): Promise<(nonce: Uint8Array, data: Uint8Array) => Promise<Uint8Array>> {
  const subtle = platformSubtle();
  const blockOf = (nonce: Uint8Array): Uint8Array => concatBytes(nonce, new Uint8Array(4));
  if (subtle === undefined) {
    const secret = key.slice();
    return async (nonce, data) => ctr(secret, blockOf(nonce)).encrypt(data);
  }
  const held = await subtle.importKey('raw', owned(key), 'AES-CTR', false, ['encrypt']);
  return async (nonce, data) => {
    const parameters = { name: 'AES-CTR', counter: owned(blockOf(nonce)), length: BLOCK_COUNTER_BITS };
    return new Uint8Array(await subtle.encrypt(parameters, held, owned(data)));
  };
}

/** HMAC-SHA256. */
async function macFunction(key: Uint8Array): Promise<(message: Uint8Array) => Promise<Uint8Array>> {
  const subtle = platformSubtle();
  if (subtle === undefined) {
    const secret = key.slice();
    return async (message) => hmac(sha256, secret, message);
  }
  const held = await subtle.importKey('raw', owned(key), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return async (message) => new Uint8Array(await subtle.sign('HMAC', held, owned(message)));
}

async function refusing(open: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await open();
  } catch (cause) {
    throw new GlasskeyError('bad-frame', FORGED, { cause });
  }
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** Compares tags of one length without stopping at the first difference. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  a.forEach((byte, i) => (difference |= byte ^ (b[i] as number)));
  return difference === 0;
}
