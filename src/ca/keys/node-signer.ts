import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Signer, SignerAlgorithm } from '../../core/crypto/signer.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { parsePublicKey } from '../public-key.ts';

/** Hash per algorithm, as Node names it. Ed25519 has its own. */
const HASHES: Readonly<Record<SignerAlgorithm, string | null>> = { p256: 'sha256', p384: 'sha384', ed25519: null };

/**
 * Creates a `Signer` over a private key of Node's crypto (P-256, P-384, Ed25519). Throws `bad-key-file` for other keys.
 */
export function signerFromKey(privateKey: KeyObject): Signer {
  const spki = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }));
  const { keyType, keyBits } = parsePublicKey(spki);
  if (keyType === 'rsa' || keyType === 'ml-dsa-44' || keyType === 'ml-dsa-65') {
    throw new GlasskeyError('bad-key-file', `a key of type ${keyType} cannot be a signer here`);
  }
  return {
    algorithm: keyType,
    spki,
    publicKey: keyBits,
    // P-384 takes ten times as long: it alone is worth a thread.
    sign: async (message) => (keyType === 'p384' ? signElsewhere : signHere)(HASHES[keyType], message, privateKey),
  };
}

/** Signs on this thread, which is faster than waking another one. */
function signHere(hash: string | null, message: Uint8Array, privateKey: KeyObject): Uint8Array {
  try {
    return plainBytes(sign(hash, message, privateKey));
  } catch (error) {
    throw new GlasskeyError('internal', 'signing failed', { cause: error });
  }
}

function signElsewhere(hash: string | null, message: Uint8Array, privateKey: KeyObject): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(hash, message, privateKey, (error, signature) => {
      if (error === null) resolve(plainBytes(signature));
      else reject(new GlasskeyError('internal', 'signing failed', { cause: error }));
    });
  });
}

function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
