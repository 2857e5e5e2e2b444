import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { bundledLength, encodeUpdateBundle, MAX_UPDATE_BUNDLE_BYTES } from '../../core/audit/update-bundle.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import { RecentCache } from '../../core/recent-cache.ts';
import { type AuditorUpdates, packUpdate } from './auditor-updates.ts';

const unpack = promisify(gunzip);

/** Updates that are read at a time. */
const UPDATES_AT_ONCE = 16;
/** Memory for compressed bundles, bytes: several auditors read the same ones at about the same time. */
const BUNDLE_CACHE_BYTES = 4 * 2 ** 20;
/** Weight of the knowledge that there is no bundle. */
const NO_BUNDLE_BYTES = 64;

/** The source of single updates. */
type Updates = Pick<AuditorUpdates, 'readAhead' | 'read'>;

/** The AuditorUpdates of 256 entries each, where they are small enough together, gzip-compressed. */
export class UpdateBundles {
  readonly #updates: Updates;
  readonly #made = new RecentCache<Made>(BUNDLE_CACHE_BYTES, ({ bundle }) => bundle?.length ?? NO_BUNDLE_BYTES);
  readonly #making = new Map<number, Promise<Made>>();
  /** Calls of {@link clear}: nothing that was read before one is kept. */
  #losses = 0;

  constructor(updates: Updates) {
    this.#updates = updates;
  }

  /** Drops the cache, for a log that has lost entries. */
  clear(): void {
    this.#losses++;
    this.#making.clear();
    this.#made.clear();
  }

  /** Returns bundle number `index` of committed entries; undefined if they are too long for one. */
  async read(index: number): Promise<Uint8Array | undefined> {
    const known = this.#made.get(String(index)) ?? (await this.#making.get(index));
    return (known ?? (await this.#makeOnce(index))).bundle;
  }

  #makeOnce(index: number): Promise<Made> {
    const losses = this.#losses;
    const making = this.#make(index)
      .then((made) => {
        if (losses === this.#losses) this.#made.set(String(index), made);
        return made;
      })
      .finally(() => {
        if (this.#making.get(index) === making) this.#making.delete(index);
      });
    this.#making.set(index, making);
    return making;
  }

  async #make(index: number): Promise<Made> {
    const start = index * TILE_WIDTH;
    const updates: Uint8Array[] = [];
    let bytes = 0;
    await this.#updates.readAhead(start, start + TILE_WIDTH);
    while (updates.length < TILE_WIDTH) {
      const first = start + updates.length;
      const next = await Promise.all(Array.from({ length: UPDATES_AT_ONCE }, (_, i) => this.#update(first + i)));
      updates.push(...next);
      bytes += next.reduce((sum, update) => sum + bundledLength(update), 0);
      if (bytes > MAX_UPDATE_BUNDLE_BYTES) return { bundle: undefined };
    }
    return { bundle: await packUpdate(encodeUpdateBundle(updates)) };
  }

  async #update(position: number): Promise<Uint8Array> {
    return new Uint8Array(await unpack(await this.#updates.read(position)));
  }
}

interface Made {
  /** Undefined if there is none. */
  readonly bundle: Uint8Array | undefined;
}
