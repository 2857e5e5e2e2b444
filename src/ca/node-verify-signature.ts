import { createPublicKey, KeyObject, verify, webcrypto } from 'node:crypto';
import { verifiesMlDsa } from '../core/crypto/ml-dsa-sets.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { ecdsaSignatureToRaw } from './der/ecdsa-signature.ts';
import { isMlDsaKey, type MlDsaKey, parsePublicKey, type PublicKey } from './public-key.ts';
import { defaultSignatureAlgorithm, familyFits, type SignatureAlgorithm } from './signature-algorithm.ts';

/**
 * The server's {@link file://./verify-signature.ts verifySpkiSignature}: the same rules, through Node's own crypto on
 * its thread pool, at less than half the cost. Node 20 has no ML-DSA, so noble verifies that, on this thread. Throws
 * `bad-signature`, `bad-key`, `weak-key`.
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
  ensure(familyFits(key, algorithm), 'bad-signature', 'the signature algorithm does not fit the key');
  ensure(await holds(key, algorithm, message, signature), 'bad-signature', 'the signature does not verify');
}

async function holds(
  key: PublicKey,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (isMlDsaKey(key)) return verifiesMlDsa(key.keyType, key.keyBits, message, signature);
  const hash = algorithm.family === 'ecdsa' || algorithm.family === 'rsa-pkcs1' ? algorithm.hash : null;
  const elliptic = key.keyType === 'p256' || key.keyType === 'p384';
  const raw = elliptic ? ecdsaSignatureToRaw(key.keyType, signature) : signature;
  const keyObject = await importKey(key);
  return new Promise<boolean>((resolve, reject) => {
    verify(hash, message, { key: keyObject, dsaEncoding: 'ieee-p1363' }, raw, (error, result) => {
      if (error === null) resolve(result);
      else reject(new GlasskeyError('bad-signature', 'the signature cannot be verified', { cause: error }));
    });
  });
}

/**
 * Imports the key for `verify` in the cheapest way. Elliptic points go through WebCrypto's raw import: Node's own JWK
 * import multiplies the point by the order of the curve, on the main thread. That is useless at cofactor 1 (over 1 ms
 * for P-384), and `parsePublicKey` has already checked that the point is on the curve. JWK is best for the others,
 * because importing DER takes longer.
 */
async function importKey(key: Exclude<PublicKey, MlDsaKey>): Promise<KeyObject> {
  try {
    switch (key.keyType) {
      case 'rsa': {
        const jwk = { kty: 'RSA', n: base64Url(key.modulus), e: base64Url(key.exponent) };
        return createPublicKey({ key: jwk, format: 'jwk' });
      }
      case 'ed25519':
        return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: base64Url(key.keyBits) }, format: 'jwk' });
      case 'p256':
      case 'p384': {
        const algorithm = { name: 'ECDSA', namedCurve: key.keyType === 'p256' ? 'P-256' : 'P-384' };
        return KeyObject.from(await webcrypto.subtle.importKey('raw', key.keyBits, algorithm, false, ['verify']));
      }
    }
  } catch (error) {
    throw new GlasskeyError('bad-key', 'Node refuses the public key', { cause: error });
  }
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}
