import { createCipheriv, createDecipheriv, createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { DerTag, readSingle } from '../der/der-reader.ts';
import { der, derOid, derSequence, derUnsigned } from '../der/der-writer.ts';

/** PBKDF2 rounds of new key files. Node's own encryption cannot choose them and uses 2,048. */
const PBKDF2_ROUNDS = 600_000;
const SALT_LENGTH = 32;
const IV_LENGTH = 16;
/** AES-256. */
const KEY_LENGTH = 32;

const NULL = der(0x05);
const ROUNDS = derUnsigned(Uint8Array.of(PBKDF2_ROUNDS >>> 16, (PBKDF2_ROUNDS >>> 8) & 0xff, PBKDF2_ROUNDS & 0xff));
const HMAC_SHA256 = derSequence(derOid('1.2.840.113549.2.9'), NULL);
const PBES2 = derOid('1.2.840.113549.1.5.13');
const PBKDF2 = derOid('1.2.840.113549.1.5.12');
const AES_256_CBC = derOid('2.16.840.1.101.3.4.1.42');

/** A key that encrypts key files, and the salt from which it was derived. */
interface FileKey {
  readonly salt: Uint8Array;
  readonly key: Uint8Array;
}

/** Most passphrases and salts that are remembered. */
const MAX_REMEMBERED = 8;
/** Derived keys by passphrase and salt. */
const derived = new Map<string, FileKey>();
/** The key for new files, by passphrase. */
const latest = new Map<string, FileKey>();

/**
 * Encrypts PKCS#8 (DER) as EncryptedPrivateKeyInfo (RFC 5958 §3): PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC
 * (RFC 8018). The files that one process writes with one passphrase share a salt: a thief who has the passphrase of one
 * has that of all, and opening them takes one derivation instead of one for each. Every file has an IV of its own.
 */
export function encryptPkcs8(plain: Uint8Array, passphrase: string): Uint8Array {
  const name = digestOf(passphrase);
  const { salt, key } = latest.get(name) ?? remember(latest, name, fileKey(passphrase, randomBytes(SALT_LENGTH)));
  const iv = randomBytes(IV_LENGTH);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  return derSequence(scheme(salt, iv), der(DerTag.octetString, encrypted));
}

/**
 * Decrypts what {@link encryptPkcs8} made. Returns undefined for anything else, which another program may have
 * encrypted in its own way, and for a wrong passphrase.
 */
export function decryptOwnPkcs8(encrypted: Uint8Array, passphrase: string): Uint8Array | undefined {
  const parts = readOwn(encrypted);
  if (parts === undefined) return undefined;
  const file = fileKey(passphrase, parts.salt);
  try {
    const decipher = createDecipheriv('aes-256-cbc', file.key, parts.iv);
    const plain = new Uint8Array(Buffer.concat([decipher.update(parts.data), decipher.final()]));
    readSingle(plain);
    remember(latest, digestOf(passphrase), file);
    return plain;
  } catch {
    return undefined;
  }
}

function scheme(salt: Uint8Array, iv: Uint8Array): Uint8Array {
  const kdf = derSequence(PBKDF2, derSequence(der(DerTag.octetString, salt), ROUNDS, HMAC_SHA256));
  return derSequence(PBES2, derSequence(kdf, derSequence(AES_256_CBC, der(DerTag.octetString, iv))));
}

interface Parts {
  readonly salt: Uint8Array;
  readonly iv: Uint8Array;
  readonly data: Uint8Array;
}

/** Reads the parts of an untrusted encrypted key; undefined unless all the rest is as {@link scheme} makes it. */
function readOwn(encrypted: Uint8Array): Parts | undefined {
  try {
    const outer = readSingle(encrypted).values;
    const algorithm = outer.read(DerTag.sequence);
    const data = outer.read(DerTag.octetString).content;
    outer.end();
    const parameters = algorithm.values;
    parameters.read(DerTag.oid);
    const both = parameters.enter();
    const kdf = both.enter();
    kdf.read(DerTag.oid);
    const salt = kdf.enter().read(DerTag.octetString).content;
    const cipher = both.enter();
    cipher.read(DerTag.oid);
    const iv = cipher.read(DerTag.octetString).content;
    const isOwn = salt.length === SALT_LENGTH && iv.length === IV_LENGTH && equalBytes(algorithm.raw, scheme(salt, iv));
    return isOwn ? { salt, iv, data } : undefined;
  } catch (error) {
    if (isGlasskeyError(error, 'malformed-encoding')) return undefined;
    throw error;
  }
}

function fileKey(passphrase: string, salt: Uint8Array): FileKey {
  const name = digestOf(passphrase, salt);
  const known = derived.get(name);
  if (known !== undefined) return known;
  const key = pbkdf2Sync(passphrase, salt, PBKDF2_ROUNDS, KEY_LENGTH, 'sha256');
  return remember(derived, name, { salt: salt.slice(), key });
}

function remember(map: Map<string, FileKey>, name: string, file: FileKey): FileKey {
  const [oldest] = map.keys();
  if (map.size >= MAX_REMEMBERED && oldest !== undefined && !map.has(name)) map.delete(oldest);
  map.set(name, file);
  return file;
}

function digestOf(passphrase: string, salt: Uint8Array = new Uint8Array()): string {
  return createHash('sha256').update(salt).update(passphrase).digest('hex');
}
