import type { Issuer } from '../../ca/authority.ts';
import { createKey } from '../../ca/keys/key-file.ts';
import { signerFromKey } from '../../ca/keys/node-signer.ts';
import { createOcspResponder, type OcspResponder } from '../../ca/ocsp/responder-certificate.ts';
import { BACKDATE_MS, leafValidity } from '../../ca/profile.ts';
import { newSerial } from '../../ca/serial.ts';
import type { LogContext } from '../log/log-context.ts';

const DAY_MS = 86_400_000;
/** ocsp-nocheck keeps clients from checking whether this certificate is revoked, so its life is short. */
const LIFETIME = { validityMs: 7 * DAY_MS, backdateMs: BACKDATE_MS };

/**
 * The key that signs OCSP responses for an issuing CA, with its certificate (RFC 6960 §4.2.2.2). This process makes the
 * certificate, and also the key unless the log has an OCSP key. It replaces both when half of the certificate's life
 * has passed.
 */
export class DelegatedResponder {
  readonly #context: LogContext;
  readonly #issuer: Issuer;
  #responder: OcspResponder | undefined;
  #making: Promise<OcspResponder> | undefined;

  constructor(context: LogContext, issuer: Issuer) {
    this.#context = context;
    this.#issuer = issuer;
  }

  /** Returns the current responder. Throws `certificate-expired` if the issuer is not valid now. */
  async current(): Promise<OcspResponder> {
    if (this.#responder !== undefined && this.#isFresh(this.#responder)) return this.#responder;
    this.#making ??= this.#make().finally(() => (this.#making = undefined));
    return this.#making;
  }

  #isFresh({ certificate }: OcspResponder): boolean {
    const nowMs = this.#context.now();
    if (nowMs < certificate.notBeforeMs) return false;
    // Near the issuer's own end, a new certificate would not last longer.
    const isLast = certificate.notAfterMs === this.#issuer.certificate.notAfterMs;
    return nowMs < certificate.notAfterMs - (isLast ? 0 : LIFETIME.validityMs / 2);
  }

  async #make(): Promise<OcspResponder> {
    const { keys, now, random } = this.#context;
    const validity = leafValidity({ ...LIFETIME, name: 'ocsp', purposes: [] }, this.#issuer.certificate, now());
    const signer = keys.ocsp ?? signerFromKey(await createKey('p256'));
    this.#responder = await createOcspResponder(this.#issuer, { ...validity, signer, serial: newSerial(random) });
    return this.#responder;
  }
}
