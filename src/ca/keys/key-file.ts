import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Crypto } from '@peculiar/webcrypto';
import { CryptoEngine, PKCS8ShroudedKeyBag } from 'pkijs';
import type { SignerAlgorithm } from '../../core/crypto/signer.ts';
import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { formatPem, parsePem } from '../der/pem.ts';
import { decryptOwnPkcs8, encryptPkcs8 } from './encrypted-pkcs8.ts';

const MAX_KEY_FILE_BYTES = 16_384;
const OTHERS_MAY_ANYTHING = 0o007;

const generate = promisify(generateKeyPair);

/** Creates a private key. */
export async function createKey(algorithm: SignerAlgorithm): Promise<KeyObject> {
  if (algorithm === 'ed25519') return (await generate('ed25519')).privateKey;
  const namedCurve = algorithm === 'p256' ? 'P-256' : 'P-384';
  return (await generate('ec', { namedCurve })).privateKey;
}

/**
 * Formats a PKCS#8 private key as PEM: encrypted if there is a passphrase, else plain. Throws `bad-key-file` for an
 * empty passphrase.
 */
function formatPrivateKey(plain: Uint8Array, passphrase: string | undefined): string {
  if (passphrase === undefined) return formatPem('PRIVATE KEY', plain);
  ensure(passphrase !== '', 'bad-key-file', 'a passphrase must not be empty');
  return formatPem('ENCRYPTED PRIVATE KEY', encryptPkcs8(plain, passphrase));
}

/**
 * Reads the private key in PEM text (PKCS#8, encrypted or not). Throws `bad-key-file` if there is no key, or if the
 * passphrase is missing or wrong. The message never quotes the file.
 */
export function parsePrivateKey(pem: string, passphrase: string | undefined): KeyObject {
  const encrypted = pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
  ensure(!encrypted || passphrase !== undefined, 'bad-key-file', 'the key file is encrypted: give its passphrase');
  try {
    const plain = encrypted && passphrase !== undefined ? decryptOwn(pem, passphrase) : undefined;
    if (plain !== undefined) return createPrivateKey({ key: Buffer.from(plain), format: 'der', type: 'pkcs8' });
    return createPrivateKey({ key: pem, format: 'pem', ...(encrypted ? { passphrase } : {}) });
  } catch {
    // Without the cause: OpenSSL's errors add nothing useful, and this one is close to secrets.
    throw new GlasskeyError(
      'bad-key-file',
      encrypted ? 'wrong passphrase or damaged key file' : 'not a PEM private key',
    );
  }
}

/** Writes a new key file of mode 0600, durably. Throws `bad-key-file` if the file exists: keys are never replaced. */
export async function writeKeyFile(path: string, key: KeyObject, passphrase: string | undefined): Promise<void> {
  await writePkcs8File(path, new Uint8Array(key.export({ format: 'der', type: 'pkcs8' })), passphrase);
}

/** Writes a key of any algorithm, already encoded as PKCS#8 (DER), as {@link writeKeyFile} does. */
export async function writePkcs8File(path: string, der: Uint8Array, passphrase: string | undefined): Promise<void> {
  const text = formatPrivateKey(der, passphrase);
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw new GlasskeyError('bad-key-file', `cannot create the key file ${path}`, { cause: error });
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads a key file. Throws `bad-key-file`, also if every user of the machine may read or change the file. */
export async function readKeyFile(path: string, passphrase: string | undefined): Promise<KeyObject> {
  return parsePrivateKey(await readKeyText(path), passphrase);
}

/**
 * Returns the PKCS#8 (DER) of a key in PEM text, for algorithms that Node's crypto lacks. Throws `bad-key-file` as
 * {@link parsePrivateKey} does.
 */
export async function decryptPkcs8(pem: string, passphrase: string | undefined): Promise<Uint8Array> {
  const encrypted = pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
  ensure(!encrypted || passphrase !== undefined, 'bad-key-file', 'the key file is encrypted: give its passphrase');
  try {
    if (!encrypted || passphrase === undefined) return parsePem('PRIVATE KEY', pem);
    const own = decryptOwn(pem, passphrase);
    if (own !== undefined) return own;
    const bag = PKCS8ShroudedKeyBag.fromBER(new Uint8Array(parsePem('ENCRYPTED PRIVATE KEY', pem)));
    const engine = new CryptoEngine({ name: 'key file', crypto: new Crypto() });
    // Protected in pkijs's types, but the only way to decrypt.
    await (bag as unknown as Decrypting).parseInternalValues(
      { password: new Uint8Array(encodeUtf8(passphrase)).buffer },
      engine,
    );
    ensure(bag.parsedValue !== undefined, 'bad-key-file', 'nothing was decrypted');
    return new Uint8Array(bag.parsedValue.toSchema().toBER());
  } catch {
    throw new GlasskeyError(
      'bad-key-file',
      encrypted ? 'wrong passphrase or damaged key file' : 'not a PEM private key',
    );
  }
}

/** Decrypts a key file that this project wrote; undefined for any other, and for a wrong passphrase. */
function decryptOwn(pem: string, passphrase: string): Uint8Array | undefined {
  return decryptOwnPkcs8(parsePem('ENCRYPTED PRIVATE KEY', pem), passphrase);
}

interface Decrypting {
  parseInternalValues(parameters: { readonly password: ArrayBuffer }, engine: CryptoEngine): Promise<void>;
}

/** Reads the text of a key file. Throws `bad-key-file` as {@link readKeyFile} does. */
export async function readKeyText(path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new GlasskeyError('bad-key-file', `cannot open the key file ${path}`, { cause: error });
  });
  try {
    const { mode, size } = await file.stat();
    const exposed = process.platform !== 'win32' && (mode & OTHERS_MAY_ANYTHING) !== 0;
    ensure(!exposed, 'bad-key-file', `every user may read ${path}: run chmod 600 on it`);
    ensure(size <= MAX_KEY_FILE_BYTES, 'bad-key-file', `${path} is too large for a key file`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
