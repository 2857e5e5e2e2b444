import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { ecdsaSignatureToRaw } from './ecdsa-signature.ts';
import { parsePublicKey, type PublicKey } from './public-key.ts';
import { defaultSignatureAlgorithm, familyFits, type SignatureAlgorithm } from './signature-algorithm.ts';

/**
 * {@link file://./verify-signature.ts verifySpkiSignature} for the server: the same rules through Node's own crypto on its
 * thread pool, at less than half the cost. Throws `bad-signature`, `bad-key`, `weak-key`.
 */
export async function nodeVerifySpkiSignature(
  spki: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<void> {
  const key = parsePublicKey(spki);
  await nodeVerifySignature(key, defaultSignatureAlgorithm(key.keyType), message, signature);
}

/** Verifies `signature` (untrusted) of `message` by `key`, made by `algorithm`. Throws `bad-signature`, `bad-key`. */
export async function nodeVerifySignature(
  key: PublicKey,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<void> {
  ensure(familyFits(key.keyType, algorithm), 'bad-signature', 'a signature of another algorithm than the key');
  const hash = key.keyType === 'ed25519' ? null : algorithm.hash;
  const elliptic = key.keyType === 'p256' || key.keyType === 'p384';
  const raw = elliptic ? ecdsaSignatureToRaw(key.keyType, signature) : signature;
  const keyObject = importKey(key);
  const holds = await new Promise<boolean>((resolve, reject) => {
    verify(hash, message, { key: keyObject, dsaEncoding: 'ieee-p1363' }, raw, (error, result) => {
      if (error === null) resolve(result);
      else reject(new GlasskeyError('bad-signature', 'the signature cannot be verified', { cause: error }));
    });
  });
  ensure(holds, 'bad-signature', 'the signature does not hold');
}

function importKey(key: PublicKey): KeyObject {
  try {
    return createPublicKey({ key: toJwk(key), format: 'jwk' });
  } catch (error) {
    throw new GlasskeyError('bad-key', 'the public key is refused', { cause: error });
  }
}

/** As a JWK: importing one takes half the time of importing DER, which goes through OpenSSL's decoder chain. */
function toJwk(key: PublicKey): Record<string, string> {
  if (key.keyType === 'rsa') return { kty: 'RSA', n: base64Url(key.modulus), e: base64Url(key.exponent) };
  if (key.keyType === 'ed25519') return { kty: 'OKP', crv: 'Ed25519', x: base64Url(key.keyBits) };
  const width = (key.keyBits.length - 1) / 2;
  return {
    kty: 'EC',
    crv: key.keyType === 'p256' ? 'P-256' : 'P-384',
    x: base64Url(key.keyBits.subarray(1, 1 + width)),
    y: base64Url(key.keyBits.subarray(1 + width)),
  };
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}
