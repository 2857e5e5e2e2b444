import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { bundledLength, encodeUpdateBundle, MAX_UPDATE_BUNDLE_BYTES } from '../../core/audit/update-bundle.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import { RecentCache } from '../../core/recent-cache.ts';
import { goneError } from '../../core/still-wanted.ts';
import { type AuditorUpdates, packUpdate } from './auditor-updates.ts';

const unpack = promisify(gunzip);

/** Updates that are read at a time. */
const UPDATES_AT_ONCE = 8;
/** Memory for compressed bundles, bytes: several auditors read the same ones at about the same time. */
const BUNDLE_CACHE_BYTES = 4 * 2 ** 20;
/** Weight of the knowledge that there is no bundle. */
const NO_BUNDLE_BYTES = 64;

/** The source of single updates. */
type Updates = Pick<AuditorUpdates, 'readAhead' | 'read'>;

/** The party that wants a bundle. */
export interface BundleAsker {
  /** Aborted as soon as the asker has gone. */
  readonly signal?: AbortSignal | undefined;
  /** Called for updates that are read on its behalf, with their length in bytes. */
  readonly charge?: ((bytes: number) => void) | undefined;
}

/** A bundle in the making, for all who ask for it meanwhile. */
interface Making {
  readonly askers: Set<BundleAsker>;
  readonly done: Promise<Made>;
}

/** The AuditorUpdates of 256 entries each, where they are small enough together, gzip-compressed. */
export class UpdateBundles {
  readonly #updates: Updates;
  readonly #made = new RecentCache<Made>(BUNDLE_CACHE_BYTES, ({ bundle }) => bundle?.length ?? NO_BUNDLE_BYTES);
  readonly #making = new Map<number, Making>();
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

  /**
   * Returns bundle number `index` of committed entries; undefined if they are too long for one. A bundle that is not
   * cached is read on behalf of all who want it, and no further once the last of them has gone: then it throws
   * `invalid-request`.
   */
  async read(index: number, asker: BundleAsker = {}): Promise<Uint8Array | undefined> {
    const known = this.#made.get(String(index));
    if (known !== undefined) return known.bundle;
    const { askers, done } = this.#making.get(index) ?? this.#begin(index);
    // One asker may ask for the same bundle twice.
    const { signal, charge } = asker;
    const own = { signal, charge };
    const gone = (): void => void askers.delete(own);
    askers.add(own);
    signal?.addEventListener('abort', gone, { once: true });
    if (signal?.aborted === true) gone();
    try {
      return (await done).bundle;
    } finally {
      signal?.removeEventListener('abort', gone);
      gone();
    }
  }

  #begin(index: number): Making {
    const losses = this.#losses;
    const askers = new Set<BundleAsker>();
    const forget = (): void => {
      if (this.#making.get(index) === making) this.#making.delete(index);
    };
    /** Returns the asker who pays for what is read next. Whoever asks from now on begins anew if there is none. */
    const payer = (): BundleAsker => {
      const [first] = askers;
      if (first !== undefined) return first;
      forget();
      throw goneError();
    };
    const done = this.#make(index, payer)
      .then((made) => {
        if (losses === this.#losses) this.#made.set(String(index), made);
        return made;
      })
      .finally(forget);
    const making: Making = { askers, done };
    this.#making.set(index, making);
    return making;
  }

  async #make(index: number, payer: () => BundleAsker): Promise<Made> {
    const start = index * TILE_WIDTH;
    const updates: Uint8Array[] = [];
    let bytes = 0;
    await this.#updates.readAhead(start, start + TILE_WIDTH);
    while (updates.length < TILE_WIDTH) {
      // Even where all of it is cached, others get their turns in between.
      await setImmediate();
      const { charge } = payer();
      const first = start + updates.length;
      const next = await Promise.all(Array.from({ length: UPDATES_AT_ONCE }, (_, i) => this.#update(first + i)));
      const added = next.reduce((sum, update) => sum + bundledLength(update), 0);
      charge?.(added);
      updates.push(...next);
      bytes += added;
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
