import { createPublicKey, verify } from 'node:crypto';

/**
 * Returns true only for a signature that RFC 8032 accepts too, at a sixth of noble's time. OpenSSL computes
 * R = s * B - k * A and compares its encoding, without the cofactor: whatever satisfies that satisfies the equation
 * with the cofactor, too. The key must have been checked: OpenSSL takes keys of small order.
 */
export function opensslEd25519Check(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const x = Buffer.from(publicKey).toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}
