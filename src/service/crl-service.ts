import type { Issuer } from '../ca/authority.ts';
import { createCrl, CRL_REASONS, type CrlEntry, type CrlReason } from '../ca/crl.ts';
import { ensure } from '../core/errors.ts';
import type { Revocation } from '../store/ports.ts';
import type { LogContext } from './log-context.ts';

/** How long the list of revocations counts as known, ms: a revocation is on the CRL that much later at most. */
const LIST_LIFETIME_MS = 2_000;

/** A signed CRL. */
export interface SignedCrl {
  readonly der: Uint8Array;
  /** Rises from one CRL to the next. */
  readonly number: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
}

/**
 * The CRL of an issuing CA: revoked certificates that have not expired. It is kept and signed anew when something was
 * revoked, or half of its validity has passed. It names what other CAs of the log have signed as well: serials are random, and no two are the same.
 */
export class CrlService {
  readonly #context: LogContext;
  readonly #issuer: Issuer;
  #crl: SignedCrl | undefined;
  #listed = '';
  #listedAtMs = -Infinity;
  #refreshing: Promise<SignedCrl> | undefined;

  constructor(context: LogContext, issuer: Issuer) {
    this.#context = context;
    this.#issuer = issuer;
  }

  /** The current CRL. Throws `certificate-expired` where the CA is. */
  async current(): Promise<SignedCrl> {
    const sinceListedMs = this.#context.now() - this.#listedAtMs;
    if (this.#crl !== undefined && sinceListedMs >= 0 && sinceListedMs < LIST_LIFETIME_MS) return this.#crl;
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(): Promise<SignedCrl> {
    const { store, now, limits } = this.#context;
    const nowMs = now();
    const isValid = nowMs <= this.#issuer.certificate.notAfterMs;
    ensure(isValid, 'certificate-expired', 'the issuing CA has expired: it signs nothing any more');
    const revoked = await store.listRevoked(nowMs);
    const listed = revoked.map(({ serial }) => serial).join();
    this.#listedAtMs = nowMs;
    const known = this.#crl;
    const isFresh = known !== undefined && nowMs < known.thisUpdateMs + limits.crlValidityMs / 2;
    if (isFresh && listed === this.#listed) return known;
    const content = {
      // Rises over restarts and replicas too, and fits the 20 octets of RFC 5280 §5.2.3.
      number: Math.max(nowMs, (known?.number ?? 0) + 1),
      thisUpdateMs: nowMs,
      nextUpdateMs: nowMs + limits.crlValidityMs,
    };
    const der = await createCrl(this.#issuer, { ...content, entries: revoked.map((row) => entryOf(row)) });
    this.#crl = { der, ...content };
    this.#listed = listed;
    return this.#crl;
  }
}

function entryOf({ serial, revokedMs, reason }: Revocation): CrlEntry {
  return { serial, revokedAtMs: revokedMs, reason: reasonName(reason) };
}

/** The name of a stored reason code; `unspecified` for one that we do not make. */
export function reasonName(code: number): CrlReason {
  const names = Object.keys(CRL_REASONS) as CrlReason[];
  return names.find((name) => CRL_REASONS[name] === code) ?? 'unspecified';
}
