import type { MlDsaSet } from './ml-dsa-sets.ts';

/** The signature algorithms of Glasskey's own keys. */
export type SignerAlgorithm = 'ed25519' | 'p256' | 'p384';

/** A private key that signs, in an encrypted file or a hardware token. The key never leaves it. */
export interface Signer {
  readonly algorithm: SignerAlgorithm;
  /** The DER SubjectPublicKeyInfo of the public key. */
  readonly spki: Uint8Array;
  /** The raw public key: 32 bytes for Ed25519, an uncompressed SEC 1 point for P-256 and P-384. */
  readonly publicKey: Uint8Array;
  /**
   * Signs `message`: Ed25519 (RFC 8032, 64 bytes), or ECDSA with SHA-256 (P-256) or SHA-384 (P-384) as a DER
   * `Ecdsa-Sig-Value`.
   */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** The signature algorithms of CA keys. */
export type CaAlgorithm = SignerAlgorithm | MlDsaSet;

/** The private key of a CA. In addition to the keys of {@link Signer} it may sign by pure ML-DSA (RFC 9881 §3). */
export interface CaSigner extends Omit<Signer, 'algorithm'> {
  readonly algorithm: CaAlgorithm;
}
