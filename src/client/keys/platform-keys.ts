import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type KeyType, parsePublicKey } from '../../ca/public-key.ts';
import { verifySpkiSignature } from '../../ca/verify-signature.ts';
import { requireSubtle } from '../platform.ts';
import { type NewKeyType, type PrivateKey, readPrivateKey } from './private-key.ts';
import { handleSigner, keyParameters, type PrivateKeyHandle, type SignMessage } from './sign-messages.ts';

/** A `CryptoKey` of WebCrypto; written out because not every program has types for it. */
export interface PlatformKey {
  readonly type: string;
  readonly extractable: boolean;
  readonly algorithm: { readonly name: string };
}

/** Both halves of a key that WebCrypto holds. IndexedDB stores them as they are. */
export interface PlatformKeyPair {
  readonly privateKey: PlatformKey;
  readonly publicKey: PlatformKey;
}

/** A key that WebCrypto holds and signs with. */
export interface HeldKey {
  readonly keyType: KeyType;
  readonly spki: Uint8Array;
  readonly sign: SignMessage;
  /** Undefined if only the private half was given. */
  readonly platformKeys: PlatformKeyPair | undefined;
  /** The private key, if WebCrypto gives it away. */
  readonly exported: PrivateKey | undefined;
}

/** Makes a key that WebCrypto does not give away. Throws `platform-unsupported` if it cannot. */
export async function generatePlatformKey(keyType: NewKeyType): Promise<HeldKey> {
  const subtle = requireSubtle('a key that cannot be exported');
  let pair: PlatformKeyPair;
  try {
    // The parameters are not of one literal name, so the types allow for a single key.
    pair = (await subtle.generateKey(keyParameters(keyType), false, ['sign', 'verify'])) as unknown as PlatformKeyPair;
  } catch (cause) {
    throw new GlasskeyError('platform-unsupported', `WebCrypto of this platform makes no key of type ${keyType}`, {
      cause,
    });
  }
  return holdPlatformKey(pair.privateKey, pair.publicKey);
}

/**
 * Takes a key that WebCrypto holds. A private key that cannot be exported needs its public key beside it. Throws
 * `usage` without it, `platform-unsupported`, and `bad-key-file` for another kind of key, one that cannot sign, or two
 * halves that do not belong together.
 */
export async function holdPlatformKey(privateKey: PlatformKey, publicKey?: PlatformKey): Promise<HeldKey> {
  const subtle = requireSubtle('a key of WebCrypto');
  const handle = privateKey as PrivateKeyHandle;
  ensure(
    publicKey !== undefined || privateKey.extractable,
    'usage',
    'a private key that cannot be exported needs its public key beside it',
  );
  try {
    const exported = privateKey.extractable
      ? readPrivateKey(new Uint8Array(await subtle.exportKey('pkcs8', handle)))
      : undefined;
    const spki = publicKey === undefined ? exported?.spki : await publicHalf(publicKey);
    ensure(spki !== undefined, 'bad-key-file', 'the key has no public half');
    const { keyType } = parsePublicKey(spki);
    const sign = handleSigner(keyType, handle);
    const probe = Uint8Array.of(1, 2, 3);
    await verifySpkiSignature(spki, probe, await sign(probe));
    return { keyType, spki, sign, platformKeys: publicKey && { privateKey, publicKey }, exported };
  } catch (cause) {
    if (isGlasskeyError(cause, 'platform-unsupported') || isGlasskeyError(cause, 'bad-key-file')) throw cause;
    throw new GlasskeyError('bad-key-file', 'not a key of WebCrypto that signs, or not its public key', { cause });
  }
}

async function publicHalf(publicKey: PlatformKey): Promise<Uint8Array> {
  return new Uint8Array(await requireSubtle('a key of WebCrypto').exportKey('spki', publicKey as PrivateKeyHandle));
}
