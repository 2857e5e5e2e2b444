import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '../core/crypto/sha256.ts';
import { concatBytes, parseHex } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { der, derSequence, derUnsigned } from '../ca/der/der-writer.ts';
import { formatPem, parsePem } from '../ca/der/pem.ts';
import { type KeyType, parsePublicKey } from '../ca/public-key.ts';
import { verifySpkiSignature } from '../ca/verify-signature.ts';

/** A private key of an identity's owner, on the owner's device. */
export interface ClientKey {
  readonly keyType: KeyType;
  /** The DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /**
   * Signs a message as CSRs and changes need it: ECDSA with the curve's hash as DER, Ed25519, or RSA PKCS#1 v1.5 with
   * SHA-256.
   */
  sign(message: Uint8Array): Promise<Uint8Array>;
  /** Returns the private key as PEM PKCS#8, not encrypted. Keep it where only its owner can read it. */
  exportPem(): Promise<string>;
}

const HASHES = { p256: 'SHA-256', p384: 'SHA-384', rsa: 'SHA-256' } as const;

/** `0x04 || seed` inside PKCS#8 (RFC 8410 §7): the prefix of a 32-byte Ed25519 private key. */
const ED25519_PKCS8_PREFIX = parseHex('302e020100300506032b657004220420');
const ED25519_SPKI_PREFIX = parseHex('302a300506032b6570032100');

/** A WebCrypto key. */
type PrivateKeyHandle = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** Makes a new P-256 key with the platform's WebCrypto. */
export async function generateKey(): Promise<ClientKey> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
  return webCryptoKey('p256', spki, pkcs8, pair.privateKey);
}

/**
 * Reads a private key from PEM PKCS#8, of any type that Glasskey certifies. `spki` is its public key, as a certificate
 * holds it. Throws `bad-key-file` if the text cannot be read or holds another key.
 */
export async function importKey(pem: string, spki: Uint8Array): Promise<ClientKey> {
  const { keyType } = parsePublicKey(spki);
  let key: ClientKey;
  try {
    const pkcs8 = parsePem('PRIVATE KEY', pem);
    key = keyType === 'ed25519' ? ed25519Key(pkcs8) : await importWebCryptoKey(keyType, spki, pkcs8);
  } catch (cause) {
    throw new GlasskeyError('bad-key-file', `not a PKCS#8 private key of type ${keyType}`, { cause });
  }
  await assertPair(key, spki);
  return key;
}

async function importWebCryptoKey(
  keyType: Exclude<KeyType, 'ed25519'>,
  spki: Uint8Array,
  pkcs8: Uint8Array,
): Promise<ClientKey> {
  const key = await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), parameters(keyType), false, ['sign']);
  return webCryptoKey(keyType, spki, pkcs8, key);
}

function parameters(keyType: Exclude<KeyType, 'ed25519'>) {
  if (keyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: HASHES.rsa };
  return { name: 'ECDSA', namedCurve: keyType === 'p256' ? 'P-256' : 'P-384' };
}

function webCryptoKey(
  keyType: Exclude<KeyType, 'ed25519'>,
  spki: Uint8Array,
  pkcs8: Uint8Array,
  key: PrivateKeyHandle,
): ClientKey {
  return {
    keyType,
    spki,
    sign: async (message) => {
      const algorithm = { name: parameters(keyType).name, hash: HASHES[keyType] };
      const signature = new Uint8Array(await crypto.subtle.sign(algorithm, key, new Uint8Array(message)));
      return keyType === 'rsa' ? signature : rawToDer(signature);
    },
    exportPem: () => Promise.resolve(formatPem('PRIVATE KEY', pkcs8)),
  };
}

function ed25519Key(pkcs8: Uint8Array): ClientKey {
  const seed = pkcs8.slice(ED25519_PKCS8_PREFIX.length);
  const prefixed = ED25519_PKCS8_PREFIX.every((byte, i) => pkcs8[i] === byte);
  ensure(prefixed && seed.length === 32, 'bad-key-file', 'not an Ed25519 private key');
  return {
    keyType: 'ed25519',
    spki: concatBytes(ED25519_SPKI_PREFIX, ed25519.getPublicKey(seed)),
    sign: (message) => Promise.resolve(ed25519.sign(message, seed)),
    exportPem: () => Promise.resolve(formatPem('PRIVATE KEY', der(0x30, pkcs8.slice(2)))),
  };
}

/**
 * Returns the `nonce` for the request of an ID token, so that the token vouches for this key only: base64url, without
 * padding, of the SHA-256 of the SubjectPublicKeyInfo (DER).
 */
export function oidcNonce({ spki }: { readonly spki: Uint8Array }): string {
  const base64 = btoa(String.fromCharCode(...sha256(spki)));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Converts WebCrypto's r || s to a DER `Ecdsa-Sig-Value`. */
function rawToDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  return derSequence(derUnsigned(raw.slice(0, half)), derUnsigned(raw.slice(half)));
}

/** Throws `bad-key-file` unless the private key belongs to `spki`: it signs a probe to show this. */
async function assertPair(key: ClientKey, spki: Uint8Array): Promise<void> {
  const probe = Uint8Array.of(1, 2, 3);
  try {
    await verifySpkiSignature(spki, probe, await key.sign(probe));
  } catch (cause) {
    throw new GlasskeyError('bad-key-file', 'the private key does not belong to the certificate', { cause });
  }
}
