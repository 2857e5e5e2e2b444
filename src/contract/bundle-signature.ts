import { verifyEd25519 } from '../core/crypto/ed25519-strict.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import type { Signer } from '../core/crypto/signer.ts';
import { encodeUtf8, formatBase64, formatHex, parseBase64 } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { canonicalJson } from './canonical-json.ts';
import type { BundleSignature, SignedTrustBundle, TrustBundle } from './trust-bundle.ts';

const CONTEXT = 'glasskey bundle v1\0';

/** Returns the canonical text of a bundle, which its fingerprint and signatures cover. */
export function canonicalBundle(bundle: TrustBundle): string {
  const { identityRules, ...rest } = bundle;
  return canonicalJson({ ...rest, identityRules: { ...identityRules } });
}

/** Returns the bytes that a bundle key signs: "glasskey bundle v1" || 0x00 || canonical JSON in UTF-8. */
export function bundleMessage(bundle: TrustBundle): Uint8Array {
  return encodeUtf8(CONTEXT + canonicalBundle(bundle));
}

/** Returns the fingerprint that people compare: SHA-256 of the canonical JSON without signatures, lower-case hex. */
export function fingerprint(bundle: TrustBundle): string {
  return formatHex(sha256(encodeUtf8(canonicalBundle(bundle))));
}

/**
 * Signs a bundle with each of `signers` (Ed25519): its own bundle key, and any replaced keys that clients may still
 * have pinned. Throws `bad-bundle` if the bundle's own key is not among them.
 */
export async function signTrustBundle(bundle: TrustBundle, signers: readonly Signer[]): Promise<SignedTrustBundle> {
  const signatures: BundleSignature[] = [];
  for (const signer of signers) {
    ensure(signer.algorithm === 'ed25519', 'bad-bundle', 'bundles are signed with Ed25519');
    const signature = await signer.sign(bundleMessage(bundle));
    signatures.push({ key: formatBase64(signer.publicKey), signature: formatBase64(signature) });
  }
  const signed = { bundle, signatures };
  verifyBundleSignatures(signed);
  return signed;
}

/**
 * Verifies every signature of a bundle (strict Ed25519): at most one by each key, and one by the bundle's own key. This
 * does not make the bundle trusted, because anybody can create such a bundle. Throws `bad-bundle`.
 */
export function verifyBundleSignatures({ bundle, signatures }: SignedTrustBundle): void {
  const keys = signatures.map((signature) => signature.key);
  ensure(new Set(keys).size === keys.length, 'bad-bundle', 'the bundle has two signatures by one key');
  ensure(keys.includes(bundle.bundleKey), 'bad-bundle', 'the bundle is not signed by its own key');
  const message = bundleMessage(bundle);
  for (const { key, signature } of signatures) verifyOne(key, message, signature);
}

function verifyOne(key: string, message: Uint8Array, signature: string): void {
  try {
    verifyEd25519(readBase64(key), message, readBase64(signature));
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-bundle', 'a signature of the bundle does not verify', { cause });
  }
}

function readBase64(text: string): Uint8Array {
  try {
    return parseBase64(text);
  } catch (cause) {
    throw new GlasskeyError('bad-bundle', 'a key or signature of the bundle is not base64', { cause });
  }
}
