import { equalBytes } from '../encoding/bytes.ts';

/** A signature with all that it was verified against. */
export interface SignedMessage {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The last few signatures that were found valid, so that what is shown many times is verified once: in a round of monitoring
 * every answer comes with the same tree head. Nothing is remembered that differs in a bit of key, message or signature.
 */
export class VerifiedSignatures {
  readonly #capacity: number;
  /** Newest last. */
  #verified: SignedMessage[] = [];

  /** Remembers at most `capacity` signatures. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Runs `verify`, which throws unless the signature holds, or remembers that it held. */
  verify(signed: SignedMessage, verify: (signed: SignedMessage) => void): void {
    if (this.#verified.some((one) => isSame(one, signed))) return;
    verify(signed);
    // Copies: whoever passed these in may write into them later.
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
