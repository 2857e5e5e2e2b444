import type { Issuer } from '../../ca/authority.ts';
import { RecentCache } from '../../core/recent-cache.ts';
import { CrlService } from './crl-service.ts';
import { crlShardUrls } from '../log/crl-shards.ts';
import type { LogContext } from '../log/log-context.ts';

/** The least time between two counts of the shards, ms: anybody may ask for one that does not exist. */
const COUNT_LIFETIME_MS = 1_000;

/** The CRLs of one issuing CA. */
interface OfIssuer {
  readonly all: CrlService;
  readonly shards: RecentCache<CrlService>;
}

/** The CRLs of all issuing CAs of a log. */
export class Crls {
  readonly #context: LogContext;
  #ofIssuers = new WeakMap<Issuer, OfIssuer>();
  #shards = 0;
  #countedAtMs = -Infinity;

  constructor(context: LogContext) {
    this.#context = context;
  }

  /** Returns the CRL of all certificates, made while few are revoked; undefined if no issuing CA has this name. */
  ofAll(name: string): CrlService | undefined {
    const ca = this.#find(name);
    return ca && this.#of(ca.issuer).all;
  }

  /**
   * Returns the CRL of one shard (untrusted); undefined if there is no such CA or shard, or if the server has no public
   * URL. Without a URL, the CRL could not name its scope, and would pass for the CRL of all certificates. Throws
   * `storage-failed`.
   */
  async ofShard(name: string, shard: number): Promise<CrlService | undefined> {
    const ca = this.#find(name);
    const url = ca?.urls.crl;
    if (ca === undefined || url === undefined || !(await this.#isThere(shard))) return undefined;
    const { shards } = this.#of(ca.issuer);
    const key = String(shard);
    const scope = crlShardUrls(url, shard);
    const crl = shards.get(key) ?? new CrlService(this.#context, ca.issuer, { shard, scope });
    shards.set(key, crl);
    return crl;
  }

  /** Drops all CRLs: the database has lost entries, and perhaps revocations. */
  forget(): void {
    this.#ofIssuers = new WeakMap();
    this.#shards = 0;
    this.#countedAtMs = -Infinity;
  }

  #find(name: string) {
    return this.#context.reloadable.issuingCas.all.find((one) => one.name === name);
  }

  #of(issuer: Issuer): OfIssuer {
    const all = this.#ofIssuers.get(issuer) ?? {
      all: new CrlService(this.#context, issuer),
      shards: new RecentCache(this.#context.limits.crlCacheSize),
    };
    this.#ofIssuers.set(issuer, all);
    return all;
  }

  async #isThere(shard: number): Promise<boolean> {
    const { store, now } = this.#context;
    const isKnown = Math.abs(now() - this.#countedAtMs) < COUNT_LIFETIME_MS;
    if (shard >= this.#shards && !isKnown) {
      this.#shards = await store.countCrlShards();
      this.#countedAtMs = now();
    }
    return shard < this.#shards;
  }
}
