import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto';
import { AcmeRefusal, ensureAcme } from './acme-refusal.ts';

/** Signature algorithms that are accepted (RFC 8555 §6.2 demands ES256). */
export const ACME_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'RS256'] as const;

/** Name of an accepted algorithm. */
export type AcmeAlgorithm = (typeof ACME_ALGORITHMS)[number];

/** A public key, in the one spelling that its thumbprint hashes. */
export interface PublicJwk {
  /** The members that name the key, as JSON in the form of RFC 7638 §3. */
  readonly text: string;
  /** SHA-256 of the text. */
  readonly thumbprint: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly algorithm: AcmeAlgorithm;
}

type Members = Readonly<Record<string, unknown>>;

/** Moduli of RSA keys have 2048 to 4096 bits, in bytes. */
const RSA_BYTES = { minimum: 256, maximum: 512 };
const RSA_EXPONENT = 'AQAB';

/**
 * Reads an untrusted JWK (RFC 7517) of a public key: P-256, P-384, Ed25519 or RSA. Refuses other spellings of a key, so
 * that a key has one thumbprint. Throws `malformed` for a private key, and `badPublicKey`.
 */
export function readPublicJwk(value: unknown): PublicJwk {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  ensureAcme(isObject, 'malformed', 'the jwk is not an object');
  const members = value as Members;
  ensureAcme(!Object.hasOwn(members, 'd'), 'malformed', 'the jwk is a private key: it is known to others now');
  const { named, algorithm } = membersOf(members);
  const text = JSON.stringify(named);
  const thumbprint = new Uint8Array(createHash('sha256').update(text).digest());
  try {
    const key = createPublicKey({ key: named as JsonWebKey, format: 'jwk' });
    return { text, thumbprint, algorithm, spki: new Uint8Array(key.export({ type: 'spki', format: 'der' })) };
  } catch {
    throw new AcmeRefusal('badPublicKey', 'the jwk is not a key of its kind');
  }
}

/** Returns the members that name a key, in the order of RFC 7638 §3.3. Any other member is ignored. */
function membersOf({ kty, crv, x, y, n, e }: Members): { named: Members; algorithm: AcmeAlgorithm } {
  if (kty === 'EC' && crv === 'P-256')
    return { named: { crv, kty, x: coordinate(x, 32), y: coordinate(y, 32) }, algorithm: 'ES256' };
  if (kty === 'EC' && crv === 'P-384')
    return { named: { crv, kty, x: coordinate(x, 48), y: coordinate(y, 48) }, algorithm: 'ES384' };
  if (kty === 'OKP' && crv === 'Ed25519') return { named: { crv, kty, x: coordinate(x, 32) }, algorithm: 'EdDSA' };
  ensureAcme(kty === 'RSA', 'badPublicKey', 'account keys are P-256, P-384, Ed25519 or RSA');
  const modulus = canonical(n, RSA_BYTES.minimum, RSA_BYTES.maximum);
  ensureAcme(modulus[0] !== 0 && e === RSA_EXPONENT, 'badPublicKey', 'RSA keys have 2048 to 4096 bits and e = 65537');
  return { named: { e, kty, n }, algorithm: 'RS256' };
}

function coordinate(text: unknown, bytes: number): string {
  canonical(text, bytes, bytes);
  return String(text);
}

/** Decodes base64url without padding. */
function canonical(text: unknown, minimum: number, maximum: number): Uint8Array {
  const isShort = typeof text === 'string' && text.length <= Math.ceil((maximum * 4) / 3);
  const bytes = Buffer.from(isShort ? text : '', 'base64url');
  const isFine = bytes.length >= minimum && bytes.length <= maximum && bytes.toString('base64url') === text;
  ensureAcme(isFine, 'badPublicKey', 'a member of the jwk has the wrong length, or is not base64url');
  return bytes;
}
