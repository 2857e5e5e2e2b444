import { p256, p384, p521 } from '@noble/curves/nist.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes, formatHex, parseHex } from '../core/encoding/bytes.ts';
import type { SignatureHash } from './pss-parameters.ts';

const CURVES = { p256, p384, p521 } as const;
const HASHES = { 'SHA-256': sha256, 'SHA-384': sha384, 'SHA-512': sha512 } as const;

/** `DigestInfo` up to the hash (RFC 8017 §9.2, note 1). */
const DIGEST_INFO = {
  'SHA-256': parseHex('3031300d060960864801650304020105000420'),
  'SHA-384': parseHex('3041300d060960864801650304020205000430'),
  'SHA-512': parseHex('3051300d060960864801650304020305000440'),
} as const;

/** Returns true if an ECDSA signature, r || s, verifies; for platforms without WebCrypto. */
export function verifyEcdsaByNoble(
  { keyType, keyBits }: { readonly keyType: keyof typeof CURVES; readonly keyBits: Uint8Array },
  hash: SignatureHash,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const digest = HASHES[hash](message);
  try {
    return CURVES[keyType].verify(signature, digest, keyBits, { prehash: false, lowS: false, format: 'compact' });
  } catch {
    return false;
  }
}

/**
 * Returns true if an RSASSA-PKCS1-v1_5 signature verifies (RFC 8017 §8.2.2); for platforms without WebCrypto. It
 * compares with the one encoding that the message has, so that nothing in the padding is parsed. All values are public.
 */
export function verifyPkcs1ByNumbers(
  { modulus, exponent }: { readonly modulus: Uint8Array; readonly exponent: Uint8Array },
  hash: SignatureHash,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const [n, s] = [toNumber(modulus), toNumber(signature)];
  if (signature.length !== modulus.length || s >= n) return false;
  const digest = concatBytes(DIGEST_INFO[hash], HASHES[hash](message));
  const padding = new Uint8Array(modulus.length - digest.length - 3).fill(0xff);
  const expected = concatBytes(Uint8Array.of(0, 1), padding, Uint8Array.of(0), digest);
  const power = modPower(s, toNumber(exponent), n);
  return equalBytes(parseHex(power.toString(16).padStart(2 * modulus.length, '0')), expected);
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${formatHex(bytes) || '0'}`);
}

function modPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
