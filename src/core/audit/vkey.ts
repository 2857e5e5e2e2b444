import { ed25519 } from '@noble/curves/ed25519.js';
import { ML_DSA_PUBLIC_KEY_LENGTH } from '../crypto/ml-dsa.ts';
import { sha256 } from '../crypto/sha256.ts';
import { concatBytes, encodeUtf8, formatBase64, parseBase64 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';

/** The signature type of plain Ed25519 note signatures (c2sp.org/signed-note). */
export const ED25519_NOTE = 0x01;
/** The signature type of timestamped Ed25519 cosignatures (c2sp.org/tlog-cosignature). */
export const ED25519_COSIGNATURE = 0x04;
/** The signature type of timestamped ML-DSA-44 cosignatures (c2sp.org/tlog-cosignature). */
export const ML_DSA_COSIGNATURE = 0x06;

/**
 * The key lengths, in bytes, of the types that Glasskey verifies. Their key IDs are computed as c2sp.org/signed-note
 * recommends.
 */
const KEY_LENGTHS: Readonly<Record<number, number>> = {
  [ED25519_NOTE]: 32,
  [ED25519_COSIGNATURE]: 32,
  [ML_DSA_COSIGNATURE]: ML_DSA_PUBLIC_KEY_LENGTH,
};

/** A key that verifies signed notes (c2sp.org/signed-note). */
export interface Vkey {
  /** Non-empty, without spaces or plus. */
  readonly name: string;
  /** A uint32. With the name, it selects the signature lines that this key made. */
  readonly keyId: number;
  /**
   * The signature type byte: {@link ED25519_NOTE}, {@link ED25519_COSIGNATURE}, {@link ML_DSA_COSIGNATURE} or another.
   */
  readonly type: number;
  /** The public key in the form of its type: 32 bytes for Ed25519, 1312 for ML-DSA-44. */
  readonly publicKey: Uint8Array;
}

/** Returns true if `name` can name a key: non-empty, without Unicode spaces, control characters and plus. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && !/[\s\p{Cc}+]/u.test(name);
}

/** Builds the vkey of an Ed25519 key of 32 bytes under a name. Throws `value-out-of-range` for an invalid name. */
export function ed25519Vkey(name: string, publicKey: Uint8Array): Vkey {
  return vkeyOf(name, ED25519_NOTE, publicKey);
}

/**
 * Builds the vkey of a cosigner: type {@link ED25519_COSIGNATURE} with a key of 32 bytes, or {@link ML_DSA_COSIGNATURE}
 * with one of 1312. Throws `value-out-of-range`.
 */
export function cosignatureVkey(name: string, type: 0x04 | 0x06, publicKey: Uint8Array): Vkey {
  return vkeyOf(name, type, publicKey);
}

function vkeyOf(name: string, type: number, publicKey: Uint8Array): Vkey {
  ensure(isKeyName(name), 'value-out-of-range', 'a key name is not empty and has no spaces and no plus');
  ensure(publicKey.length === KEY_LENGTHS[type], 'value-out-of-range', 'the public key has the wrong length');
  return { name, keyId: computeKeyId(name, type, publicKey), type, publicKey };
}

/** Computes `SHA-256(name || 0x0A || type || public key)[:4]`, big-endian. */
function computeKeyId(name: string, type: number, publicKey: Uint8Array): number {
  const digest = sha256(concatBytes(encodeUtf8(name), new Uint8Array([0x0a, type]), publicKey));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

/** Formats `name+hex(key ID)+base64(type || public key)`. */
export function formatVkey(vkey: Vkey): string {
  const id = vkey.keyId.toString(16).padStart(8, '0');
  return `${vkey.name}+${id}+${formatBase64(concatBytes(new Uint8Array([vkey.type]), vkey.publicKey))}`;
}

/**
 * Parses an untrusted vkey, also of an unknown type. Throws `bad-key` if it is malformed, or if the key ID does not
 * belong to the key. Throws `bad-key` also for an Ed25519 key that is not a canonical point or has small order.
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

/**
 * Returns true if `signature` (64 bytes) is the key's Ed25519 signature of `message`: strictly by RFC 8032, not ZIP
 * 215.
 */
export function isEd25519Signature(vkey: Vkey, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  try {
    return ed25519.verify(signature, message, vkey.publicKey, { zip215: false });
  } catch {
    return false;
  }
}
