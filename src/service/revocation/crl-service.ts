import type { Issuer } from '../../ca/authority.ts';
import { createCrl, type CrlContent, type CrlScope } from '../../ca/crl.ts';
import { type CrlEntry, type CrlReason, reasonName } from '../../ca/crl-entries.ts';
import { serialsOfShard } from '../../ca/serial.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { Revocation, SerialRange } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';

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
  /** Rises from one CRL to the next, complete or delta; two that were signed at the same moment share it. */
  readonly number: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** Names these very bytes, for caches. */
  readonly digest: string;
}

/** The part of its issuer's certificates that a CRL tells of. */
export interface CrlShard {
  readonly shard: number;
  readonly scope: CrlScope;
}

/** A complete CRL and what it lists. */
interface Complete {
  readonly crl: SignedCrl;
  readonly entries: readonly CrlEntry[];
  /** It lists certificates that were valid at this time or later, ms. */
  readonly notExpiredAtMs: number;
}

interface Delta {
  readonly crl: SignedCrl;
  /** The complete CRL that says the same. */
  readonly of: SignedCrl;
}

/**
 * A CRL of an issuing CA: of one shard, or of all its certificates as long as few are revoked. It lists what had not
 * expired a whole CRL's validity ago, so that each entry is also on a CRL that was made after the certificate's end (RFC 5280 §3.3).
 * It is kept and signed anew when something was revoked, or half of its validity has passed. It names what other CAs of the log
 * have signed as well: serials are random, and no two are the same.
 */
export class CrlService {
  readonly #context: LogContext;
  readonly #issuer: Issuer;
  readonly #scope: CrlScope | undefined;
  readonly #range: SerialRange;
  #complete: Complete | undefined;
  #delta: Delta | undefined;
  #number = 0;
  #listedAtMs = -Infinity;
  #refusedAtMs = -Infinity;
  #refreshing: Promise<Complete> | undefined;
  #refreshingDelta: Promise<SignedCrl> | undefined;

  /** Without `shard`: of all certificates. */
  constructor(context: LogContext, issuer: Issuer, shard?: CrlShard) {
    this.#context = context;
    this.#issuer = issuer;
    this.#scope = shard?.scope;
    // One more tells that there are too many. A shard has no more than were issued of it.
    const all = { ...ALL_SERIALS, limit: context.limits.maxCrlEntries + 1 };
    this.#range = shard === undefined ? all : { ...serialsOfShard(shard.shard), limit: NO_LIMIT };
  }

  /** The current CRL. Throws `certificate-expired` where the CA is, `not-found` where it would list too many. */
  async current(): Promise<SignedCrl> {
    const { crl } = await this.#current();
    return crl;
  }

  /**
   * What changed since a base that is no younger than any complete CRL that is still valid: whichever a client has can be combined with
   * it. What a certificate's end has taken off is `removeFromCRL`. It is valid for a shorter time than a complete one. Throws as
   * {@link current}.
   */
  async delta(): Promise<SignedCrl> {
    const complete = await this.#current();
    const known = this.#delta;
    const isCurrent =
      known?.of === complete.crl &&
      this.#context.now() < known.crl.thisUpdateMs + this.#context.limits.crlDeltaValidityMs / 2;
    if (isCurrent) return known.crl;
    this.#refreshingDelta ??= this.#refreshDelta(complete).finally(() => (this.#refreshingDelta = undefined));
    return this.#refreshingDelta;
  }

  async #current(): Promise<Complete> {
    const nowMs = this.#context.now();
    const isKnown = (atMs: number): boolean => nowMs >= atMs && nowMs - atMs < LIST_LIFETIME_MS;
    if (this.#complete !== undefined && isKnown(this.#listedAtMs)) return this.#complete;
    ensure(!isKnown(this.#refusedAtMs), 'not-found', TOO_MANY);
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(): Promise<Complete> {
    const { now, limits, store } = this.#context;
    const nowMs = now();
    const isValid = nowMs <= this.#issuer.certificate.notAfterMs;
    ensure(isValid, 'certificate-expired', 'the issuing CA has expired: it signs nothing any more');
    const known = this.#complete;
    const isFresh = known !== undefined && nowMs < known.crl.thisUpdateMs + limits.crlValidityMs / 2;
    // Revocations are only ever added: as many are the same ones.
    if (isFresh && (await store.countRevoked(known.notExpiredAtMs, this.#range)) === known.entries.length) {
      this.#listedAtMs = nowMs;
      return known;
    }
    const notExpiredAtMs = nowMs - limits.crlValidityMs;
    const entries = await this.#list(nowMs, notExpiredAtMs);
    const crl = await this.#sign({
      number: this.#nextNumber(nowMs),
      thisUpdateMs: nowMs,
      nextUpdateMs: nowMs + limits.crlValidityMs,
      entries,
      scope: this.#scope,
    });
    this.#complete = { crl, entries, notExpiredAtMs };
    this.#listedAtMs = nowMs;
    return this.#complete;
  }

  /** What was revoked. Throws `not-found`, and remembers it for a while, where that is too much; its rows are not read for that. */
  async #list(nowMs: number, notExpiredAtMs: number): Promise<readonly CrlEntry[]> {
    const { store } = this.#context;
    const { limit } = this.#range;
    const isTooLarge = limit < NO_LIMIT && (await store.countRevoked(notExpiredAtMs, this.#range)) === limit;
    const revoked = isTooLarge ? [] : await store.listRevoked(notExpiredAtMs, this.#range);
    // More may have come meanwhile.
    if (isTooLarge || revoked.length === limit) {
      this.#complete = undefined;
      this.#refusedAtMs = nowMs;
      throw new GlasskeyError('not-found', TOO_MANY);
    }
    return revoked.map((row) => entryOf(row));
  }

  async #refreshDelta({ crl, entries, notExpiredAtMs }: Complete): Promise<SignedCrl> {
    const { now, limits, store } = this.#context;
    const thisUpdateMs = now();
    const halfMs = limits.crlValidityMs / 2;
    // A half of a validity as every server counts them: it is the same before and after a restart.
    const baseMs = Math.max(0, Math.floor((thisUpdateMs - limits.crlValidityMs) / halfMs) * halfMs);
    const fromMs = baseMs - DELTA_OVERLAP_MS;
    const expired = { ...this.#range, expiredBeforeMs: notExpiredAtMs };
    const removed = await store.listRevoked(fromMs - limits.crlValidityMs, expired);
    const delta = await this.#sign({
      number: thisUpdateMs === crl.thisUpdateMs ? crl.number : this.#nextNumber(thisUpdateMs),
      thisUpdateMs,
      nextUpdateMs: thisUpdateMs + limits.crlDeltaValidityMs,
      entries: [
        ...entries.filter(({ revokedAtMs }) => revokedAtMs > fromMs),
        ...removed.map((row) => entryOf(row, 'removeFromCRL')),
      ],
      scope: this.#scope,
      baseNumber: baseMs,
    });
    this.#delta = { crl: delta, of: crl };
    return delta;
  }

  /** Rises over restarts and replicas too, and fits the 20 octets of RFC 5280 §5.2.3. */
  #nextNumber(nowMs: number): number {
    this.#number = Math.max(nowMs, this.#number + 1);
    return this.#number;
  }

  async #sign(content: CrlContent): Promise<SignedCrl> {
    const { number, thisUpdateMs, nextUpdateMs } = content;
    const der = await createCrl(this.#issuer, content);
    return { der, number, thisUpdateMs, nextUpdateMs, digest: formatHex(sha256(der).subarray(0, 16)) };
  }
}

const NO_LIMIT = 2 ** 31 - 1;
const ALL_SERIALS = { first: '00', last: 'ff'.repeat(20) };
const TOO_MANY = 'too many certificates are revoked for one CRL: each certificate names that of its shard';

function entryOf({ serial, revokedMs, reason }: Revocation, as: CrlEntry['reason'] = storedReason(reason)): CrlEntry {
  return { serial, revokedAtMs: revokedMs, reason: as };
}

/** Returns the name of a stored reason code; `unspecified` for a code that this CA does not use. */
export function storedReason(code: number): CrlReason {
  return reasonName(code) ?? 'unspecified';
}
