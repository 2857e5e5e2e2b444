import type { Issuer } from '../ca/authority.ts';
import { createCrl, CRL_REASONS, type CrlContent, type CrlEntry, type CrlReason, type CrlScope } from '../ca/crl.ts';
import { serialsOfShard } from '../ca/serial.ts';
import { ensure } from '../core/errors.ts';
import type { Revocation, SerialRange } from '../store/ports.ts';
import type { LogContext } from './log-context.ts';

/** How long the list of revocations counts as known, ms: a revocation is on the CRL that much later at most. */
const LIST_LIFETIME_MS = 2_000;

/**
 * A delta repeats what was revoked so shortly before its base, ms: the clocks of two servers may differ by that much, and a client
 * may combine the one's delta with the other's complete CRL.
 */
const DELTA_OVERLAP_MS = 3_600_000;

/** A signed CRL. */
export interface SignedCrl {
  readonly der: Uint8Array;
  /** Rises from one CRL to the next; a delta has that of the complete CRL of its time. */
  readonly number: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
}

/** The part of its issuer's certificates that a CRL tells of. */
export interface CrlShard {
  readonly shard: number;
  /** undefined where the server has no public URL: then certificates name no CRL, and none says for which it is. */
  readonly scope: CrlScope | undefined;
}

/** What a delta lists changes since. */
interface Base {
  readonly number: number;
  readonly serials: ReadonlySet<string>;
}

/**
 * A CRL of an issuing CA: of one shard, or of all its certificates as long as these are few. It lists what was revoked and had not
 * expired a whole CRL's validity ago, so that each entry is also on a CRL that was made after the certificate's end (RFC 5280 §3.3).
 * It is kept and signed anew when something was revoked, or half of its validity has passed. It names what other CAs of the log
 * have signed as well: serials are random, and no two are the same.
 */
export class CrlService {
  readonly #context: LogContext;
  readonly #issuer: Issuer;
  readonly #shard: CrlShard | undefined;
  #content: CrlContent | undefined;
  #crl: SignedCrl | undefined;
  #delta: Promise<SignedCrl> | undefined;
  #base: Base | undefined;
  #listedAtMs = -Infinity;
  #refreshing: Promise<SignedCrl> | undefined;

  /** Without `shard`: of all certificates. */
  constructor(context: LogContext, issuer: Issuer, shard?: CrlShard) {
    this.#context = context;
    this.#issuer = issuer;
    this.#shard = shard;
  }

  /** The current CRL. Throws `certificate-expired` where the CA is, `not-found` for one of all certificates that would be too large. */
  async current(): Promise<SignedCrl> {
    const sinceListedMs = this.#context.now() - this.#listedAtMs;
    if (this.#crl !== undefined && sinceListedMs >= 0 && sinceListedMs < LIST_LIFETIME_MS) return this.#crl;
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** What was revoked since the base, which is half a validity old at most. Throws as {@link current}. */
  async delta(): Promise<SignedCrl> {
    await this.current();
    const [content, base] = [this.#content, this.#base];
    ensure(content !== undefined && base !== undefined, 'internal', 'a CRL was signed without its content');
    const isNew = ({ serial, revokedAtMs }: CrlEntry): boolean =>
      !base.serials.has(serial) || revokedAtMs > base.number - DELTA_OVERLAP_MS;
    this.#delta ??= this.#sign({ ...content, entries: content.entries.filter(isNew), baseNumber: base.number });
    return this.#delta;
  }

  async #refresh(): Promise<SignedCrl> {
    const { now, limits } = this.#context;
    const nowMs = now();
    const isValid = nowMs <= this.#issuer.certificate.notAfterMs;
    ensure(isValid, 'certificate-expired', 'the issuing CA has expired: it signs nothing any more');
    const entries = await this.#list(nowMs - limits.crlValidityMs);
    this.#listedAtMs = nowMs;
    const known = this.#crl;
    const isFresh = known !== undefined && nowMs < known.thisUpdateMs + limits.crlValidityMs / 2;
    if (isFresh && sameEntries(entries, this.#content?.entries ?? [])) return known;
    const content: CrlContent = {
      // Rises over restarts and replicas too, and fits the 20 octets of RFC 5280 §5.2.3.
      number: Math.max(nowMs, (known?.number ?? 0) + 1),
      thisUpdateMs: nowMs,
      nextUpdateMs: nowMs + limits.crlValidityMs,
      entries,
      scope: this.#shard?.scope,
    };
    const crl = await this.#sign(content);
    if (!isFresh) this.#base = { number: content.number, serials: new Set(entries.map(({ serial }) => serial)) };
    this.#content = content;
    this.#delta = undefined;
    this.#crl = crl;
    return crl;
  }

  async #list(notExpiredAtMs: number): Promise<readonly CrlEntry[]> {
    const { store, limits } = this.#context;
    const limit = limits.maxCrlEntries + 1;
    const range: SerialRange =
      this.#shard === undefined ? { first: '00', last: 'ff'.repeat(20), limit } : ofShard(this.#shard.shard);
    const revoked = await store.listRevoked(notExpiredAtMs, range);
    const isWhole = revoked.length < range.limit;
    ensure(
      isWhole,
      'not-found',
      'too many certificates are revoked for one CRL: each certificate names that of its shard',
    );
    return revoked.map((row) => entryOf(row));
  }

  async #sign(content: CrlContent): Promise<SignedCrl> {
    const { number, thisUpdateMs, nextUpdateMs } = content;
    return { der: await createCrl(this.#issuer, content), number, thisUpdateMs, nextUpdateMs };
  }
}

function ofShard(shard: number): SerialRange {
  return { ...serialsOfShard(shard), limit: 2 ** 31 - 1 };
}

function sameEntries(some: readonly CrlEntry[], others: readonly CrlEntry[]): boolean {
  return some.length === others.length && some.every(({ serial }, index) => serial === others[index]?.serial);
}

function entryOf({ serial, revokedMs, reason }: Revocation): CrlEntry {
  return { serial, revokedAtMs: revokedMs, reason: reasonName(reason) };
}

/** The name of a stored reason code; `unspecified` for one that we do not make. */
export function reasonName(code: number): CrlReason {
  const names = Object.keys(CRL_REASONS) as CrlReason[];
  return names.find((name) => CRL_REASONS[name] === code) ?? 'unspecified';
}
