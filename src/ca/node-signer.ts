import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Signer, SignerAlgorithm } from '../core/crypto/signer.ts';
import { GlasskeyError } from '../core/errors.ts';
import { parsePublicKey } from './public-key.ts';

/** Hash per algorithm, as Node names it; Ed25519 brings its own. */
const HASHES: Readonly<Record<SignerAlgorithm, string | null>> = { p256: 'sha256', p384: 'sha384', ed25519: null };

/**
 * A `Signer` over a private key of Node's crypto (P-256, P-384, Ed25519): signs on the thread pool. Throws
 * `bad-key-file` for keys of other kinds.
 */
export function signerFromKey(privateKey: KeyObject): Signer {
  const spki = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }));
  const { keyType, keyBits } = parsePublicKey(spki);
  if (keyType === 'rsa') throw new GlasskeyError('bad-key-file', 'RSA keys do not sign here');
  return {
    algorithm: keyType,
    spki,
    publicKey: keyBits,
    sign: (message) => signAsync(HASHES[keyType], message, privateKey),
  };
}

function signAsync(hash: string | null, message: Uint8Array, privateKey: KeyObject): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(hash, message, privateKey, (error, signature) => {
      if (error === null) resolve(new Uint8Array(signature.buffer, signature.byteOffset, signature.length));
      else reject(new GlasskeyError('internal', 'signing failed', { cause: error }));
    });
  });
}
