import { nodeVerifySpkiSignature } from '../ca/node-verify-signature.ts';
import type { CaSigner } from '../core/crypto/signer.ts';
import type { LogContext } from './log/log-context.ts';

/** The time for which an outcome is reused, ms: anybody may ask, and an HSM signs slowly. */
const LIFETIME_MS = 1_000;
/** It can be neither a tree head, nor a checkpoint, nor the beginning of a certificate. */
const MESSAGE = new TextEncoder().encode('glasskey: is the server ready to sign?\0');

/** Checks that every key that a log needs can sign now. */
export class SignerHealth {
  readonly #context: Pick<LogContext, 'keys' | 'reloadable'>;
  #checking: Promise<void> | undefined;
  #startedMs = -Infinity;

  constructor(context: Pick<LogContext, 'keys' | 'reloadable'>) {
    this.#context = context;
  }

  /** Signs with each key and verifies, at most once a second. Throws what the signers throw, and `bad-signature`. */
  check(): Promise<void> {
    const isFresh = performance.now() - this.#startedMs < LIFETIME_MS;
    if (this.#checking !== undefined && isFresh) return this.#checking;
    this.#startedMs = performance.now();
    return (this.#checking = this.#signWithAll());
  }

  async #signWithAll(): Promise<void> {
    const { treeHead, checkpoint, ocsp } = this.#context.keys;
    const issuers = this.#context.reloadable.issuingCas.all.map(({ issuer }) => issuer.signer);
    const signers: readonly (CaSigner | undefined)[] = [treeHead, checkpoint, ocsp, ...issuers];
    await Promise.all(
      signers.map(async (signer) => {
        if (signer !== undefined) await nodeVerifySpkiSignature(signer.spki, MESSAGE, await signer.sign(MESSAGE));
      }),
    );
  }
}
