import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { expandMlDsaSeed, isMlDsaSet, signMlDsa } from '../../core/crypto/ml-dsa-sets.ts';
import { derSequence, derUnsigned } from '../../ca/der/der-writer.ts';
import type { KeyType } from '../../ca/public-key.ts';
import { platformRandom, platformSubtle, requireSubtle } from '../platform.ts';
import type { PrivateKey } from './private-key.ts';

/** Signs a message as CSRs and changes need it. */
export type SignMessage = (message: Uint8Array) => Promise<Uint8Array>;

/** A private key of WebCrypto. */
export type PrivateKeyHandle = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const HASHES = { p256: 'SHA-256', p384: 'SHA-384', rsa: 'SHA-256' } as const;

/** Returns WebCrypto's parameters of keys of a type. */
export function keyParameters(keyType: KeyType) {
  if (keyType === 'ed25519') return { name: 'Ed25519' };
  if (keyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: HASHES.rsa };
  if (isMlDsaSet(keyType)) return { name: keyType.toUpperCase() };
  return { name: 'ECDSA', namedCurve: keyType === 'p256' ? 'P-256' : 'P-384' };
}

/**
 * Returns what signs with a private key in memory: noble for Ed25519 and ML-DSA, WebCrypto for the others, and noble
 * again for P-256 and P-384 where there is no WebCrypto. Throws `platform-unsupported` for RSA then.
 */
export async function signerOf({ keyType, pkcs8, secret }: PrivateKey): Promise<SignMessage> {
  if (keyType === 'ed25519' && secret !== undefined) return (message) => Promise.resolve(ed25519.sign(message, secret));
  if (isMlDsaSet(keyType) && secret !== undefined) {
    const { expandedKey } = expandMlDsaSeed(keyType, secret);
    return (message) => Promise.resolve(signMlDsa(keyType, expandedKey, message, platformRandom(32)));
  }
  if (platformSubtle() === undefined && keyType !== 'rsa' && secret !== undefined) {
    return (message) => Promise.resolve(signByNoble(keyType === 'p256' ? p256 : p384, message, secret));
  }
  const subtle = requireSubtle('an RSA key');
  const key = await subtle.importKey('pkcs8', new Uint8Array(pkcs8), keyParameters(keyType), false, ['sign']);
  return handleSigner(keyType, key);
}

/** ECDSA with fresh randomness besides RFC 6979's (§3.6): a fault in one of two equal signatures reveals no key. */
function signByNoble(curve: typeof p256, message: Uint8Array, secret: Uint8Array): Uint8Array {
  return curve.sign(message, secret, { lowS: false, format: 'der', extraEntropy: platformRandom(32) });
}

/** Returns what signs with a key that WebCrypto holds. */
export function handleSigner(keyType: KeyType, key: PrivateKeyHandle): SignMessage {
  const { name } = keyParameters(keyType);
  const algorithm = keyType === 'ed25519' || isMlDsaSet(keyType) ? { name } : { name, hash: HASHES[keyType] };
  return async (message) => {
    const subtle = requireSubtle('this key');
    const signature = new Uint8Array(await subtle.sign(algorithm, key, new Uint8Array(message)));
    return name === 'ECDSA' ? rawToDer(signature) : signature;
  };
}

/** Converts WebCrypto's r || s to a DER `Ecdsa-Sig-Value`. */
function rawToDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  return derSequence(derUnsigned(raw.slice(0, half)), derUnsigned(raw.slice(half)));
}
