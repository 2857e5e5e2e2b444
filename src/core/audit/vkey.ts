import { ed25519 } from '@noble/curves/ed25519.js';
import { ML_DSA_PUBLIC_KEY_LENGTH } from '../crypto/ml-dsa.ts';
import { sha256 } from '../crypto/sha256.ts';
import { concatBytes, encodeUtf8, formatBase64, parseBase64 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';

/** Signature type identifier of plain Ed25519 note signatures (c2sp.org/signed-note). */
export const ED25519_NOTE = 0x01;
/** Signature type identifier of Ed25519 cosignatures with a time (c2sp.org/tlog-cosignature). */
export const ED25519_COSIGNATURE = 0x04;
/** Signature type identifier of ML-DSA-44 cosignatures with a time (c2sp.org/tlog-cosignature). */
export const ML_DSA_COSIGNATURE = 0x06;

/** The types that can be verified, whose key ID is computed as c2sp.org/signed-note recommends. Bytes of their keys. */
const KEY_LENGTHS: Readonly<Record<number, number>> = {
  [ED25519_NOTE]: 32,
  [ED25519_COSIGNATURE]: 32,
  [ML_DSA_COSIGNATURE]: ML_DSA_PUBLIC_KEY_LENGTH,
};

/** A key that verifies signed notes (c2sp.org/signed-note). */
export interface Vkey {
  /** Not empty; no spaces, no plus. */
  readonly name: string;
  /** uint32. With the name it picks the signature lines that this key made. */
  readonly keyId: number;
  /** Signature type identifier byte: {@link ED25519_NOTE}, {@link ED25519_COSIGNATURE}, {@link ML_DSA_COSIGNATURE}, others. */
  readonly type: number;
  /** The public key as the type has it: 32 bytes for Ed25519, 1312 for ML-DSA-44. */
  readonly publicKey: Uint8Array;
}

/** Tells whether `name` can name a key: not empty, without Unicode spaces, control characters and plus. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && !/[\s\p{Cc}+]/u.test(name);
}

/** The vkey of an Ed25519 key of 32 bytes under a name. Throws `value-out-of-range` for a name that cannot be one. */
export function ed25519Vkey(name: string, publicKey: Uint8Array): Vkey {
  return vkeyOf(name, ED25519_NOTE, publicKey);
}

/**
 * The vkey of a cosigner: type {@link ED25519_COSIGNATURE} with a key of 32 bytes, or {@link ML_DSA_COSIGNATURE} with one
 * of 1312. Throws `value-out-of-range`.
 */
export function cosignatureVkey(name: string, type: 0x04 | 0x06, publicKey: Uint8Array): Vkey {
  return vkeyOf(name, type, publicKey);
}

function vkeyOf(name: string, type: number, publicKey: Uint8Array): Vkey {
  ensure(isKeyName(name), 'value-out-of-range', 'a key name is not empty and has no spaces and no plus');
  ensure(publicKey.length === KEY_LENGTHS[type], 'value-out-of-range', 'a public key of a wrong length');
  return { name, keyId: computeKeyId(name, type, publicKey), type, publicKey };
}

/** `SHA-256(name || 0x0A || type || public key)[:4]`, big-endian. */
function computeKeyId(name: string, type: number, publicKey: Uint8Array): number {
  const digest = sha256(concatBytes(encodeUtf8(name), new Uint8Array([0x0a, type]), publicKey));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

/** `name+hex(key ID)+base64(type || public key)`. */
export function formatVkey(vkey: Vkey): string {
  const id = vkey.keyId.toString(16).padStart(8, '0');
  return `${vkey.name}+${id}+${formatBase64(concatBytes(new Uint8Array([vkey.type]), vkey.publicKey))}`;
}

/**
 * Parses an untrusted vkey; types that are not known here are parsed too. Throws `bad-key` for anything that is not one,
 * for a key ID that is not the key's, and for an Ed25519 key that is not a canonical point or is of small order.
 */
export function parseVkey(text: string): Vkey {
  const parts = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text);
  ensure(parts !== null && isKeyName(parts[1] as string), 'bad-key', 'not a vkey');
  const [, name, id, encoded] = parts as unknown as [string, string, string, string];
  const key = decodeKey(encoded);
  const type = key[0] as number;
  const publicKey = key.slice(1);
  const keyId = Number.parseInt(id, 16);
  const length = KEY_LENGTHS[type];
  if (length !== undefined) {
    ensure(publicKey.length === length, 'bad-key', 'the key of a vkey is too long or too short');
    ensure(keyId === computeKeyId(name, type, publicKey), 'bad-key', 'the key ID of a vkey is not that of its key');
  }
  if (type === ED25519_NOTE || type === ED25519_COSIGNATURE) {
    ensure(isStrictEd25519Key(publicKey), 'bad-key', 'the key of a vkey is not a usable Ed25519 key');
  }
  return { name, keyId, type, publicKey };
}

function decodeKey(encoded: string): Uint8Array {
  try {
    return parseBase64(encoded);
  } catch (cause) {
    throw new GlasskeyError('bad-key', 'the key of a vkey is not base64', { cause });
  }
}

function isStrictEd25519Key(publicKey: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(publicKey, false).isSmallOrder();
  } catch {
    return false;
  }
}

/** Tells whether `signature` (64 bytes) is the key's Ed25519 signature of `message`: RFC 8032, strict, not ZIP 215. */
export function isEd25519Signature(vkey: Vkey, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  try {
    return ed25519.verify(signature, message, vkey.publicKey, { zip215: false });
  } catch {
    return false;
  }
}
