import type { CrlScope } from '../../ca/crl.ts';
import type { LogStore } from '../../store/ports.ts';

/**
 * The CRL shard of which this process makes certificates: a number that the database gave to it alone, and another one after so
 * many certificates. So no shard ever lists more than that, whatever a log grows to.
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

  /** The shard of the next certificate. Throws `storage-failed`. */
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

/** Where a shard of the CRL at `url` is, and its delta. */
export function crlShardUrls(url: string, shard: number): CrlScope {
  const prefix = `${url.replace(/\.crl$/, '')}/${shard}`;
  return { url: `${prefix}.crl`, deltaUrl: `${prefix}-delta.crl` };
}
