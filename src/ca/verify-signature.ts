import { verifyEd25519 } from '../core/crypto/ed25519-strict.ts';
import { verifiesMlDsa } from '../core/crypto/ml-dsa-sets.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { ecdsaSignatureToRaw } from './der/ecdsa-signature.ts';
import { isMlDsaKey, parsePublicKey, rsaSpki, type VerificationKey } from './public-key.ts';
import { verifyEcdsaByNoble, verifyPkcs1ByNumbers } from './verify-by-noble.ts';
import { defaultSignatureAlgorithm, familyFits, type VerifiedAlgorithm } from './signature-algorithm.ts';

/**
 * Verifies a bare signature by the key in a DER SubjectPublicKeyInfo; all arguments are untrusted. P-256 uses SHA-256
 * and P-384 uses SHA-384 (DER `Ecdsa-Sig-Value`), Ed25519 follows RFC 8032, RSA is RSASSA-PKCS1-v1_5 with SHA-256, and
 * ML-DSA is pure with an empty context (RFC 9881 §3). Throws `bad-signature`, `bad-key`, `weak-key`, and
 * `platform-unsupported` if the platform's WebCrypto lacks the algorithm: then nothing is said about the signature.
 * Noble verifies ML-DSA everywhere, and all of these without WebCrypto.
 */
export async function verifySpkiSignature(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<void> {
  const key = parsePublicKey(spki);
  await verifySignature(key, defaultSignatureAlgorithm(key.keyType), message, signature);
}

/** Verifies `signature` (untrusted) of `message` by `key`, made by `algorithm`. Throws `bad-signature`. */
export async function verifySignature(
  key: VerificationKey,
  algorithm: VerifiedAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<void> {
  ensure(familyFits(key, algorithm), 'bad-signature', 'the signature algorithm does not fit the key');
  ensure(await holds(key, algorithm, message, signature), 'bad-signature', 'the signature does not verify');
}

async function holds(
  key: VerificationKey,
  algorithm: VerifiedAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (key.keyType === 'ed25519') return isEd25519Signature(key.keyBits, message, signature);
  if (isMlDsaKey(key)) return verifiesMlDsa(key.keyType, key.keyBits, message, signature);
  if (!('hash' in algorithm)) return false;
  const { hash } = algorithm;
  const hasWebCrypto = globalThis.crypto?.subtle !== undefined;
  if (!hasWebCrypto && key.keyType === 'rsa' && algorithm.family === 'rsa-pkcs1') {
    return verifyPkcs1ByNumbers(key, hash, message, signature);
  }
  if (key.keyType === 'rsa' || key.keyType === 'rsa-pss') {
    const isPss = algorithm.family === 'rsa-pss';
    const name = isPss ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5';
    const imported = await importKey('spki', rsaSpki(key), { name, hash });
    const parameters = isPss ? { name, saltLength: algorithm.saltLength } : name;
    return verifyBy(parameters, imported, signature, message);
  }
  const raw = ecdsaSignatureToRaw(key.keyType, signature);
  if (!hasWebCrypto) return verifyEcdsaByNoble({ keyType: key.keyType, keyBits: key.keyBits }, hash, message, raw);
  const imported = await importKey('raw', key.keyBits, { name: 'ECDSA', namedCurve: CURVE_NAMES[key.keyType] });
  return verifyBy({ name: 'ECDSA', hash }, imported, raw, message);
}

type ImportedKey = Awaited<ReturnType<typeof importKey>>;
type VerifyAlgorithm = Parameters<ReturnType<typeof subtle>['verify']>[0];

async function verifyBy(
  algorithm: VerifyAlgorithm,
  key: ImportedKey,
  signature: Uint8Array,
  message: Uint8Array,
): Promise<boolean> {
  const webCrypto = subtle();
  try {
    return await webCrypto.verify(algorithm, key, new Uint8Array(signature), new Uint8Array(message));
  } catch (error) {
    assertSupported(error);
    throw new GlasskeyError('bad-signature', 'the platform cannot verify the signature', { cause: error });
  }
}

const CURVE_NAMES = { p256: 'P-256', p384: 'P-384', p521: 'P-521' } as const;

/** Strict Ed25519 on every platform, because browsers differ in what they accept. */
function isEd25519Signature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    verifyEd25519(publicKey, message, signature);
    return true;
  } catch {
    return false;
  }
}

/** Arguments of a key import, other than the bytes. */
type ImportAlgorithm =
  | { readonly name: string; readonly hash: string }
  | { readonly name: string; readonly namedCurve: string };

async function importKey(format: 'raw' | 'spki', data: Uint8Array, algorithm: ImportAlgorithm) {
  const webCrypto = subtle();
  try {
    return await webCrypto.importKey(format, new Uint8Array(data), algorithm, false, ['verify']);
  } catch (error) {
    assertSupported(error);
    throw new GlasskeyError('bad-key', 'the platform refuses the public key', { cause: error });
  }
}

/** Throws `platform-unsupported` if an error of WebCrypto says that the platform lacks the algorithm. */
function assertSupported(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'NotSupportedError') return;
  throw new GlasskeyError('platform-unsupported', 'the platform lacks the algorithm of the key', { cause: error });
}

function subtle() {
  const found = globalThis.crypto?.subtle;
  ensure(
    found !== undefined,
    'platform-unsupported',
    'RSASSA-PSS needs WebCrypto, which this platform lacks: browsers offer it on https only',
  );
  return found;
}
