import { ecdsaSignatureToRaw } from '../../ca/der/ecdsa-signature.ts';
import type { Signer } from '../../core/crypto/signer.ts';
import { GlasskeyError } from '../../core/errors.ts';

/**
 * Signs `message` by the cipher suite of the signer's key (KT §17.1): Ed25519, or ECDSA over P-256 as r || s, not as
 * the DER of a {@link Signer}. Throws `bad-key` for a signer of another kind.
 */
export async function signForSuite(signer: Signer, message: Uint8Array): Promise<Uint8Array> {
  const signature = await signer.sign(message);
  switch (signer.algorithm) {
    case 'ed25519':
      return signature;
    case 'p256':
      return ecdsaSignatureToRaw('p256', signature);
    case 'p384':
      throw new GlasskeyError('bad-key', 'no cipher suite signs with P-384');
  }
}
