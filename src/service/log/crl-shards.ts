import type { CrlScope } from '../../ca/crl.ts';
import type { LogStore } from '../../store/ports.ts';

/**
 * Assigns certificates to CRL shards. The database gives this process a number of its own, and another one after `size`
 * certificates. So no shard ever lists more than that, however large the log grows.
 */
export class CrlShards {
  readonly #store: Pick<LogStore, 'claimCrlShard'>;
  readonly #size: number;
  #current: Promise<number> | undefined;
  #left = 0;

  /** `size`: certificates of one shard. */
  constructor(store: Pick<LogStore, 'claimCrlShard'>, size: number) {
    this.#store = store;
    this.#size = size;
  }

  /** Returns the shard of the next certificate. Throws `storage-failed`. */
  async next(): Promise<number> {
    if (this.#current === undefined || this.#left === 0) {
      this.#left = this.#size;
      this.#current = this.#store.claimCrlShard();
    }
    this.#left--;
    const claimed = this.#current;
    try {
      return await claimed;
    } catch (error) {
      if (this.#current === claimed) this.#current = undefined;
      throw error;
    }
  }
}

/** Returns the URLs of a shard of the CRL at `url`, and of its delta. */
export function crlShardUrls(url: string, shard: number): CrlScope {
  const prefix = `${url.replace(/\.crl$/, '')}/${shard}`;
  return { url: `${prefix}.crl`, deltaUrl: `${prefix}-delta.crl` };
}
