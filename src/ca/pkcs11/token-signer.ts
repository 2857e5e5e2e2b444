import { createHash } from 'node:crypto';
import type { Signer, SignerAlgorithm } from '../../core/crypto/signer.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { derSequence, derUnsigned } from '../der/der-writer.ts';
import { nodeVerifySpkiSignature } from '../node-verify-signature.ts';
import { parsePublicKey } from '../public-key.ts';
import { CK } from './cryptoki.ts';
import type { Pkcs11Token } from './pkcs11-token.ts';
import { describeKey, type TokenKeyName } from './token-key.ts';

/** Bytes of r || s, or of an Ed25519 signature. */
const SIGNATURE_BYTES: Readonly<Record<SignerAlgorithm, number>> = { p256: 64, p384: 96, ed25519: 64 };

/**
 * Opens a `Signer` whose key is in a token. It signs once at the start, which proves that the private and public key
 * belong together. It verifies every signature before returning it, at a fraction of the token's own time. `sign`
 * throws `hsm-unavailable`, and `bad-signature` if the token returns a bad signature. Throws `hsm-refused`,
 * `hsm-unavailable`, `bad-key`.
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
      ensure(raw.length === SIGNATURE_BYTES[algorithm], 'bad-signature', 'the token returned no signature');
      const signature = algorithm === 'ed25519' ? raw : ecdsaSignature(raw);
      await nodeVerifySpkiSignature(spki, message, signature);
      return signature;
    },
  };
  try {
    await signer.sign(new TextEncoder().encode('glasskey: does the key sign?'));
  } catch (cause) {
    if (!isGlasskeyError(cause, 'bad-signature')) throw cause;
    throw new GlasskeyError('hsm-refused', `the public and private key ${describeKey(name)} do not belong together`, {
      cause,
    });
  }
  return signer;
}

/** Tokens get the hash (CKM_ECDSA), because not all of them can hash. Ed25519 takes the message itself. */
function toSign(algorithm: SignerAlgorithm, message: Uint8Array): Uint8Array {
  if (algorithm === 'ed25519') return message;
  return createHash(algorithm === 'p256' ? 'sha256' : 'sha384')
    .update(message)
    .digest();
}

/** Encodes r || s as a DER `Ecdsa-Sig-Value`. */
function ecdsaSignature(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  return derSequence(derUnsigned(raw.subarray(0, half)), derUnsigned(raw.subarray(half)));
}
