import { createHash } from 'node:crypto';
import type { Signer, SignerAlgorithm } from '../../core/crypto/signer.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { derSequence, derUnsigned } from '../der/der-writer.ts';
import { nodeVerifySpkiSignature } from '../node-verify-signature.ts';
import { parsePublicKey } from '../public-key.ts';
import { CK } from './cryptoki.ts';
import type { Pkcs11Token } from './pkcs11-token.ts';
import { describeKey, type TokenKeyName } from './token-key.ts';

/** Bytes of r || s, and of an Ed25519 signature. */
const SIGNATURE_BYTES: Readonly<Record<SignerAlgorithm, number>> = { p256: 64, p384: 96, ed25519: 64 };

/**
 * A `Signer` whose key is in a token. It signs once before it is given out: the private key is that of the public key. Every
 * signature is verified before it leaves, at a small part of what the token takes. `sign` throws `hsm-unavailable`, and
 * `bad-signature` where the token's signature is none. Throws `hsm-refused`, `hsm-unavailable`, `bad-key`.
 */
export async function openTokenSigner(token: Pkcs11Token, name: TokenKeyName): Promise<Signer> {
  const { algorithm, spki } = await token.find(name);
  const { keyBits } = parsePublicKey(spki);
  const signer: Signer = {
    algorithm,
    spki,
    publicKey: keyBits,
    sign: async (message) => {
      const raw = await token.sign(name, algorithm === 'ed25519' ? CK.eddsa : CK.ecdsa, toSign(algorithm, message));
      ensure(raw.length === SIGNATURE_BYTES[algorithm], 'bad-signature', 'the token gave no signature');
      const signature = algorithm === 'ed25519' ? raw : ecdsaSignature(raw);
      await nodeVerifySpkiSignature(spki, message, signature);
      return signature;
    },
  };
  try {
    await signer.sign(new TextEncoder().encode('glasskey: does the key sign?'));
  } catch (cause) {
    if (!isGlasskeyError(cause, 'bad-signature')) throw cause;
    throw new GlasskeyError('hsm-refused', `public and private key ${describeKey(name)} do not belong together`, {
      cause,
    });
  }
  return signer;
}

/** Tokens are given the hash (CKM_ECDSA): not all can hash. Ed25519 takes the message as it is. */
function toSign(algorithm: SignerAlgorithm, message: Uint8Array): Uint8Array {
  if (algorithm === 'ed25519') return message;
  return createHash(algorithm === 'p256' ? 'sha256' : 'sha384')
    .update(message)
    .digest();
}

/** A DER `Ecdsa-Sig-Value` from r || s. */
function ecdsaSignature(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  return derSequence(derUnsigned(raw.subarray(0, half)), derUnsigned(raw.subarray(half)));
}
