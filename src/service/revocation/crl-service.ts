import type { Issuer } from '../../ca/authority.ts';
import { createCrl, type CrlContent, type CrlScope } from '../../ca/crl.ts';
import { type CrlEntry, type CrlReason, reasonName } from '../../ca/crl-entries.ts';
import { BACKDATE_MS } from '../../ca/profile.ts';
import { serialsOfShard } from '../../ca/serial.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { Revocation, SerialRange } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import { fromMemoryIfAway } from './from-memory.ts';

/** The time for which a count of revocations is trusted, ms: the most by which a CRL is late. */
const COUNT_TRUSTED_MS = 2_000;

/**
 * A delta also lists what was revoked in this time before its base, ms. The clocks of two replicas may differ by that
 * much, and a client may combine the delta of one with the complete CRL of the other.
 */
const DELTA_OVERLAP_MS = 3_600_000;

/** A signed CRL. */
export interface SignedCrl {
  readonly der: Uint8Array;
  /**
   * The CRL number. It rises from one CRL to the next, complete or delta; a pair signed at the same moment shares it.
   */
  readonly number: number;
  /** The time of signing. The CRL itself says that it began {@link BACKDATE_MS} earlier. */
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** Identifies these bytes, for caches. */
  readonly digest: string;
}

/** The part of its issuer's certificates that a CRL covers. */
export interface CrlShard {
  readonly shard: number;
  readonly scope: CrlScope;
}

/** A complete CRL and its entries. */
interface Complete {
  readonly crl: SignedCrl;
  readonly entries: readonly CrlEntry[];
  /** The CRL lists certificates that were valid at this time or later, ms. */
  readonly notExpiredAtMs: number;
}

interface Delta {
  readonly crl: SignedCrl;
  /** The complete CRL with the same information. */
  readonly of: SignedCrl;
}

/**
 * A CRL of an issuing CA: of one shard, or of all certificates while few are revoked. It keeps an expired certificate
 * for another CRL validity, so that each entry is also on a CRL made after the certificate's end (RFC 5280 §3.3). It is
 * signed again after a revocation, or when half of its validity has passed. While the database is away, the last one is
 * served as long as it is valid. It also lists certificates of the log's other CAs: serials are random, so no two are
 * the same.
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
  #awayAtMs = -Infinity;
  #refusedAtMs = -Infinity;
  #refreshing: Promise<Complete> | undefined;
  #refreshingDelta: Promise<SignedCrl> | undefined;

  /** Without `shard`, the CRL covers all certificates. */
  constructor(context: LogContext, issuer: Issuer, shard?: CrlShard) {
    this.#context = context;
    this.#issuer = issuer;
    this.#scope = shard?.scope;
    // One row more than fits shows that there are too many. A shard is bounded by the certificates issued in it.
    const all = { ...ALL_SERIALS, limit: context.limits.maxCrlEntries + 1 };
    this.#range = shard === undefined ? all : { ...serialsOfShard(shard.shard), limit: NO_LIMIT };
  }

  /** Returns the current CRL. Throws `certificate-expired` if the CA has expired, `not-found` for too many entries. */
  async current(): Promise<SignedCrl> {
    const { crl } = await this.#current();
    return crl;
  }

  /**
   * Returns the delta CRL. Its base is older than every complete CRL that is still valid, so that a client can combine
   * it with the one it has. Certificates that left the list because they expired are `removeFromCRL`. A delta is valid
   * for a shorter time than a complete CRL. Throws like {@link current}.
   */
  async delta(): Promise<SignedCrl> {
    const complete = await this.#current();
    const known = this.#delta;
    const isCurrent =
      known?.of === complete.crl &&
      this.#context.now() < known.crl.thisUpdateMs + this.#context.limits.crlDeltaValidityMs / 2;
    if (isCurrent) return known.crl;
    this.#refreshingDelta ??= this.#refreshDelta(complete).finally(() => (this.#refreshingDelta = undefined));
    return fromMemoryIfAway(this.#refreshingDelta, { remembered: () => this.#ifValid(this.#delta?.crl) });
  }

  async #current(): Promise<Complete> {
    const nowMs = this.#context.now();
    const isKnown = (atMs: number): boolean => nowMs >= atMs && nowMs - atMs < COUNT_TRUSTED_MS;
    if (this.#complete !== undefined && isKnown(this.#listedAtMs)) return this.#complete;
    ensure(!isKnown(this.#refusedAtMs), 'not-found', TOO_MANY);
    const remembered = (): Complete | undefined => (this.#ifValid(this.#complete?.crl) ? this.#complete : undefined);
    const known = isKnown(this.#awayAtMs) ? remembered() : undefined;
    if (known !== undefined) return known;
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    const onAway = (): void => {
      this.#awayAtMs = this.#context.now();
    };
    return fromMemoryIfAway(this.#refreshing, { remembered, onAway });
  }

  /** Returns a CRL if it is valid now. */
  #ifValid(crl: SignedCrl | undefined): SignedCrl | undefined {
    const nowMs = this.#context.now();
    return crl !== undefined && nowMs >= crl.thisUpdateMs && nowMs < crl.nextUpdateMs ? crl : undefined;
  }

  async #refresh(): Promise<Complete> {
    const { now, limits, store } = this.#context;
    const nowMs = now();
    const isValid = nowMs <= this.#issuer.certificate.notAfterMs;
    ensure(isValid, 'certificate-expired', 'the issuing CA has expired and signs no more CRLs');
    const known = this.#complete;
    const isFresh = known !== undefined && nowMs < known.crl.thisUpdateMs + limits.crlValidityMs / 2;
    // Revocations are only added: an equal count means an equal list.
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

  /**
   * Lists the entries. If there are too many, throws `not-found` without reading their rows, and remembers it briefly.
   */
  async #list(nowMs: number, notExpiredAtMs: number): Promise<readonly CrlEntry[]> {
    const { store } = this.#context;
    const { limit } = this.#range;
    const isTooLarge = limit < NO_LIMIT && (await store.countRevoked(notExpiredAtMs, this.#range)) === limit;
    const revoked = isTooLarge ? [] : await store.listRevoked(notExpiredAtMs, this.#range);
    // More may have been revoked since the count.
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
    // A multiple of half a validity: every replica computes the same base, also after a restart.
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

  /** Returns a number that also rises across restarts and replicas, and fits the 20 octets of RFC 5280 §5.2.3. */
  #nextNumber(nowMs: number): number {
    this.#number = Math.max(nowMs, this.#number + 1);
    return this.#number;
  }

  async #sign(content: CrlContent): Promise<SignedCrl> {
    const { number, thisUpdateMs, nextUpdateMs } = content;
    const der = await createCrl(this.#issuer, { ...content, thisUpdateMs: thisUpdateMs - BACKDATE_MS });
    return { der, number, thisUpdateMs, nextUpdateMs, digest: formatHex(sha256(der).subarray(0, 16)) };
  }
}

const NO_LIMIT = 2 ** 31 - 1;
const ALL_SERIALS = { first: '00', last: 'ff'.repeat(20) };
const TOO_MANY = 'too many certificates are revoked for one CRL: use the CRL of the shard that each certificate names';

function entryOf({ serial, revokedMs, reason }: Revocation, as: CrlEntry['reason'] = storedReason(reason)): CrlEntry {
  return { serial, revokedAtMs: revokedMs, reason: as };
}

/** Returns the name of a stored reason code; `unspecified` for a code that this CA does not use. */
export function storedReason(code: number): CrlReason {
  return reasonName(code) ?? 'unspecified';
}
