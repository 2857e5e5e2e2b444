import { p256 } from '@noble/curves/nist.js';
import type { CompanionKind } from '../ca/companion-secret.ts';
import { formatPem, parsePemBlocks } from '../ca/der/pem.ts';
import { type KeyType, parsePublicKey } from '../ca/public-key.ts';
import { verifySpkiSignature } from '../ca/verify-signature.ts';
import { isMlDsaSet } from '../core/crypto/ml-dsa-sets.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { equalBytes, formatBase64, formatBase64Url } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import {
  checkCompanions,
  type CompanionSecrets,
  formatCompanions,
  makeCompanions,
  readCompanionBlocks,
} from './keys/companion-secrets.ts';
import {
  generatePlatformKey,
  type HeldKey,
  holdPlatformKey,
  type PlatformKey,
  type PlatformKeyPair,
} from './keys/platform-keys.ts';
import { type NewKeyType, type PrivateKey, privateKeyOf, type RawKeyType, readPrivateKey } from './keys/private-key.ts';
import { signerOf } from './keys/sign-messages.ts';
import { platformRandom, platformSubtle } from './platform.ts';

/**
 * A private key of an identity's owner: what the directory's methods need of it. {@link generateKey} makes one; a
 * program whose keys are in hardware writes its own.
 */
export interface ClientKey {
  readonly keyType: KeyType;
  /** The DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /**
   * Signs a message as CSRs and changes need it: ECDSA with the curve's hash as DER, Ed25519, RSA PKCS#1 v1.5 with
   * SHA-256, or pure ML-DSA with an empty context.
   */
  sign(message: Uint8Array): Promise<Uint8Array>;
  /** Private keys for encryption. Requests for this key ask to certify their public keys with it. */
  readonly companionSecrets?: CompanionSecrets | undefined;
}

/** A private key on this device, to be stored by the program. Exports throw `usage` if the platform keeps the key. */
export interface DeviceKey extends ClientKey {
  /**
   * Returns the private key as PEM PKCS#8, not encrypted, and one more block for each companion key. Keep it where only
   * its owner can read it; {@link importKey} reads it.
   */
  exportPem(): Promise<string>;
  /** Returns the private key as DER PKCS#8, without companion keys. */
  exportPkcs8(): Promise<Uint8Array>;
  /**
   * Returns the scalar, big-endian, or the seed of an Ed25519 or ML-DSA key, without companion keys. Throws `usage` for
   * RSA.
   */
  exportRaw(): Promise<Uint8Array>;
  /** The two `CryptoKey`s of a key that WebCrypto holds: store these, and `companionSecrets` if there are any. */
  readonly platformKeys?: PlatformKeyPair | undefined;
  /** The form for `JSON.stringify`: the public key alone, in base64. No log shows a private key by accident. */
  toJSON(): { readonly keyType: KeyType; readonly spki: string };
}

/** Options of {@link generateKey}. */
export interface NewKey {
  /** Default: the type of `replaces` if that is one of these, else `p256`. */
  readonly type?: NewKeyType | undefined;
  /** False makes a `CryptoKey` that no script can read. Needs WebCrypto. Default: true. */
  readonly extractable?: boolean | undefined;
  /** Companion keys to make. Default: none. */
  readonly companions?: readonly CompanionKind[] | undefined;
  /** The key whose place this one takes: its companion keys of other kinds are carried over. */
  readonly replaces?: ClientKey | undefined;
}

/**
 * Makes a private key, with companion keys if asked. Store it before it is registered: a lost answer must not lose a
 * key. Throws `platform-unsupported` without random numbers, or if WebCrypto makes no such key that cannot be exported.
 */
export async function generateKey(options: NewKey = {}): Promise<DeviceKey> {
  const { replaces, companions = [], extractable = true } = options;
  const type = options.type ?? typeAfter(replaces?.keyType);
  const companionSecrets = makeCompanions(companions, replaces?.companionSecrets);
  if (!extractable) return heldKey(await generatePlatformKey(type), companionSecrets);
  return memoryKey(await newPrivateKey(type), companionSecrets);
}

/** A private key that a program stored, in one of three forms, with its companion keys if it has any. */
export type StoredKey = { readonly companionSecrets?: CompanionSecrets | undefined } & (
  | { readonly type: RawKeyType; readonly raw: Uint8Array }
  | { readonly pkcs8: Uint8Array }
  | { readonly privateKey: PlatformKey; readonly publicKey?: PlatformKey | undefined }
);

/**
 * Takes a private key of any type that Glasskey certifies: PEM PKCS#8 with one signing key and any companion keys, or a
 * {@link StoredKey}. The public key follows from it; `spki`, if given, must be the same. Throws `bad-key-file` for what
 * is no such key, `weak-key`, `platform-unsupported`, and `usage` for half a `CryptoKey` that cannot be exported.
 */
export async function importKey(stored: string | StoredKey, spki?: Uint8Array): Promise<DeviceKey> {
  let key: DeviceKey;
  try {
    key = typeof stored === 'string' ? await fromPem(stored) : await fromStored(stored);
    if (key.keyType === 'rsa') await assertPair(key);
  } catch (cause) {
    if (isGlasskeyError(cause) && cause.fault === 'usage') throw cause;
    throw new GlasskeyError('bad-key-file', 'not a private key that can be used', { cause });
  }
  const fits = spki === undefined || equalBytes(key.spki, spki);
  ensure(fits, 'bad-key-file', 'the private key does not belong to the certificate');
  return key;
}

function typeAfter(former: KeyType | undefined): NewKeyType {
  return former !== undefined && (former === 'ed25519' || isMlDsaSet(former)) ? former : 'p256';
}

async function newPrivateKey(type: NewKeyType): Promise<PrivateKey> {
  const subtle = platformSubtle();
  if (type === 'p256' && subtle !== undefined) {
    const { privateKey } = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    return readPrivateKey(new Uint8Array(await subtle.exportKey('pkcs8', privateKey)));
  }
  if (type !== 'p256') return privateKeyOf(type, platformRandom(32));
  return privateKeyOf(type, p256.utils.randomSecretKey(platformRandom(48)));
}

function fromPem(pem: string): Promise<DeviceKey> {
  const { companionSecrets, others } = readCompanionBlocks(parsePemBlocks('PRIVATE KEY', pem));
  const [pkcs8, ...more] = others;
  const isOne = pkcs8 !== undefined && more.length === 0;
  ensure(isOne, 'bad-key-file', `not exactly one PEM block "PRIVATE KEY" of a signing key, but ${others.length}`);
  return memoryKey(readPrivateKey(pkcs8), companionSecrets);
}

async function fromStored(stored: StoredKey): Promise<DeviceKey> {
  const companionSecrets = checkCompanions(stored.companionSecrets);
  if ('raw' in stored) return memoryKey(privateKeyOf(stored.type, stored.raw), companionSecrets);
  if ('pkcs8' in stored) return memoryKey(readPrivateKey(stored.pkcs8), companionSecrets);
  return heldKey(await holdPlatformKey(stored.privateKey, stored.publicKey), companionSecrets);
}

/** A key in this program's memory. */
async function memoryKey(key: PrivateKey, companionSecrets: CompanionSecrets | undefined): Promise<DeviceKey> {
  const { keyType, spki } = parsePublicKey(key.spki);
  const sign = await signerOf(key);
  return withForms({ keyType, spki, sign, companionSecrets }, key);
}

/** A key that WebCrypto holds. */
function heldKey(held: HeldKey, companionSecrets: CompanionSecrets | undefined): DeviceKey {
  const { keyType, spki, sign, platformKeys, exported } = held;
  return { ...withForms({ keyType, spki, sign, companionSecrets }, exported), platformKeys };
}

/** Adds the forms of a private key, or exports that throw `usage` because the platform keeps it. */
function withForms(client: ClientKey, key: PrivateKey | undefined): DeviceKey {
  const given = async (): Promise<PrivateKey> => {
    ensure(key !== undefined, 'usage', 'the platform keeps this private key: store its platformKeys instead');
    return key;
  };
  return {
    ...client,
    exportPem: async () => formatPem('PRIVATE KEY', (await given()).pkcs8) + formatCompanions(client.companionSecrets),
    exportPkcs8: async () => (await given()).pkcs8.slice(),
    exportRaw: async () => {
      const { secret } = await given();
      ensure(secret !== undefined, 'usage', 'an RSA key has no raw form');
      return secret.slice();
    },
    toJSON: () => ({ keyType: client.keyType, spki: formatBase64(client.spki) }),
  };
}

/**
 * Returns the `nonce` for the request of an ID token, so that the token vouches for this key only: base64url, without
 * padding, of the SHA-256 of the SubjectPublicKeyInfo (DER).
 */
export function oidcNonce({ spki }: { readonly spki: Uint8Array }): string {
  return formatBase64Url(sha256(spki));
}

/** Throws unless the private key belongs to the public one: it signs a probe to show this. */
async function assertPair(key: ClientKey): Promise<void> {
  const probe = Uint8Array.of(1, 2, 3);
  await verifySpkiSignature(key.spki, probe, await key.sign(probe));
}
