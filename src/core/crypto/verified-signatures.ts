import { equalBytes } from '../encoding/bytes.ts';

/** A signature with everything that it was verified against. */
export interface SignedMessage {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The last few signatures found valid, so that a signature shown many times is verified once. In a round of monitoring,
 * every answer carries the same tree head. A hit requires that key, message and signature are equal in every bit.
 */
export class VerifiedSignatures {
  readonly #capacity: number;
  /** Newest last. */
  #verified: SignedMessage[] = [];

  /** Creates a memory of at most `capacity` signatures. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Runs `verify`, which throws unless the signature holds. Skips it for a signature that is remembered as valid. */
  verify(signed: SignedMessage, verify: (signed: SignedMessage) => void): void {
    if (this.#verified.some((one) => isSame(one, signed))) return;
    verify(signed);
    // Copies, because the caller may write into its buffers later.
    const { publicKey, message, signature } = signed;
    const held = { publicKey: publicKey.slice(), message: message.slice(), signature: signature.slice() };
    this.#verified = [...this.#verified, held].slice(-this.#capacity);
  }
}

function isSame(a: SignedMessage, b: SignedMessage): boolean {
  return (
    equalBytes(a.signature, b.signature) && equalBytes(a.message, b.message) && equalBytes(a.publicKey, b.publicKey)
  );
}
