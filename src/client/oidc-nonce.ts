import { sha256 } from '../core/crypto/sha256.ts';

/**
 * The `nonce` that a request for an ID token has to have, so that the token vouches for this key and for no other: base64url,
 * without padding, of the SHA-256 of the SubjectPublicKeyInfo (DER).
 */
export function oidcNonce({ spki }: { readonly spki: Uint8Array }): string {
  const base64 = btoa(String.fromCharCode(...sha256(spki)));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
