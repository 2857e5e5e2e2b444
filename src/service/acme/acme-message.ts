import { createPublicKey } from 'node:crypto';
import { flattenedVerify } from 'jose';
import { AcmeRefusal, ensureAcme } from './acme-refusal.ts';
import { ACME_ALGORITHMS, type PublicJwk } from './public-jwk.ts';

/** A flattened JWS whose signature is not verified yet. Untrusted, but well-formed. */
export interface AcmeMessage {
  /** The three parts, in base64url. */
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
  /** The protected header, which has either `kid` or `jwk`. */
  readonly header: {
    readonly alg: string;
    readonly url: string;
    readonly nonce: string | undefined;
    readonly kid: string | undefined;
    readonly jwk: unknown;
  };
}

/**
 * Verifies a message by the key of its sender (RFC 8555 §6.2). Throws `badSignatureAlgorithm` for another algorithm
 * than that of the key, and `unauthorized` for a wrong signature.
 */
export async function verifyMessage(message: AcmeMessage, key: PublicJwk): Promise<void> {
  const { alg } = message.header;
  const isKnown = ACME_ALGORITHMS.some((one) => one === alg);
  ensureAcme(isKnown, 'badSignatureAlgorithm', `the algorithm is none of ${ACME_ALGORITHMS.join(', ')}`);
  ensureAcme(alg === key.algorithm, 'badSignatureAlgorithm', 'the algorithm does not fit the key');
  const spki = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' });
  await verified(message, spki, alg);
}

/** Verifies a message by a MAC key (RFC 8555 §7.3.4). Throws `badSignatureAlgorithm` and `unauthorized`. */
export async function verifyMac(message: AcmeMessage, key: Uint8Array): Promise<void> {
  ensureAcme(
    message.header.alg === MAC_ALGORITHM,
    'badSignatureAlgorithm',
    `a binding is signed with ${MAC_ALGORITHM}`,
  );
  await verified(message, key, MAC_ALGORITHM);
}

const MAC_ALGORITHM = 'HS256';

type VerificationKey = Parameters<typeof flattenedVerify>[1];

async function verified(message: AcmeMessage, key: VerificationKey, algorithm: string): Promise<void> {
  const { protected: header, payload, signature } = message;
  try {
    await flattenedVerify({ protected: header, payload, signature }, key, { algorithms: [algorithm] });
  } catch {
    throw new AcmeRefusal('unauthorized', 'the signature of the request is wrong');
  }
}
