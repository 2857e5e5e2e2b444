import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { ReadTiles } from '../../core/prefix/drive.ts';
import { cachedTileReader, PrefixTileCache } from '../../core/prefix/tile-cache.ts';
import { RecentCache } from '../../core/recent-cache.ts';
import type { EntryRow, LogStore } from '../../store/ports.ts';
import { deriveUpdate } from './derive-update.ts';
import { auditEntryOf } from './stored-data.ts';

const compress = promisify(gzip);

/** Memory for decoded tiles, bytes: consecutive entries share most of theirs, and an audit evicts none of others'. */
const TILE_CACHE_BYTES = 32 * 2 ** 20;
/** Memory for derived updates, bytes: several auditors read the same ones at about the same time. */
const UPDATE_CACHE_BYTES = 4 * 2 ** 20;
/** Log entries kept: the next update needs the entry before, and a bundle needs 257. */
const ENTRY_CACHE_SIZE = 1024;

/** The rows of which updates are made. */
type UpdateRows = Pick<LogStore, 'readUpdate' | 'readEntries' | 'readEntryRange' | 'readPrefixTiles'>;

/** Compresses an update, which is nearly all hashes: these do not shrink. */
export async function packUpdate(encoded: Uint8Array): Promise<Uint8Array> {
  return compress(encoded, { level: 1 });
}

/**
 * The AuditorUpdates of a log, gzip-compressed. Those of format 1, and those that pruning has taken the trees of, are
 * stored; all others are derived from the prefix trees, through bounded caches.
 */
export class AuditorUpdates {
  readonly #store: UpdateRows;
  readonly #fresh: RecentCache<Uint8Array>;
  readonly #tiles = new PrefixTileCache(TILE_CACHE_BYTES);
  readonly #readTiles: ReadTiles;
  readonly #derived = new RecentCache<Uint8Array>(UPDATE_CACHE_BYTES, ({ length }) => length);
  readonly #entries = new RecentCache<EntryRow>(ENTRY_CACHE_SIZE);
  readonly #deriving = new Map<number, Promise<Uint8Array>>();
  /** Calls of {@link clear}: nothing that was read before one is kept, since the log may have lost its entries. */
  #losses = 0;

  /** `fresh` has the encoded updates of entries that this process has appended. */
  constructor(store: UpdateRows, fresh: RecentCache<Uint8Array> = new RecentCache(0)) {
    this.#store = store;
    this.#fresh = fresh;
    this.#readTiles = cachedTileReader(this.#tiles, (names) => store.readPrefixTiles(names));
  }

  /** Drops the caches, for a log that has lost entries. */
  clear(): void {
    this.#losses++;
    this.#deriving.clear();
    this.#tiles.clear();
    this.#derived.clear();
    this.#fresh.clear();
    this.#entries.clear();
  }

  /** Returns the update of a committed log entry. Throws `storage-corrupt` if the entry names another. */
  async read(position: number): Promise<Uint8Array> {
    const derived = this.#derived.get(String(position));
    if (derived !== undefined) return derived;
    const running = this.#deriving.get(position);
    if (running !== undefined) return running;
    const reading = this.#read(position).finally(() => {
      if (this.#deriving.get(position) === reading) this.#deriving.delete(position);
    });
    this.#deriving.set(position, reading);
    return reading;
  }

  /** Returns the hash of an update, as its log entry names it. */
  async hash(position: number): Promise<Uint8Array> {
    return auditEntryOf(await this.#entry(position)).updateHash;
  }

  /** Reads the entries from `start` to `end` (exclusive), and the one before, whose updates are asked for next. */
  async readAhead(start: number, end: number): Promise<void> {
    const losses = this.#losses;
    const rows = await this.#store.readEntryRange(Math.max(start - 1, 0), end);
    if (losses === this.#losses) rows.forEach((row) => this.#entries.set(String(row.position), row));
  }

  async #read(position: number): Promise<Uint8Array> {
    const losses = this.#losses;
    const fresh = await this.#freshUpdate(position);
    if (fresh !== undefined) return this.#pack(position, fresh, losses);
    const [stored, row, before] = await Promise.all([
      this.#store.readUpdate(position),
      this.#entry(position),
      position === 0 ? undefined : this.#entry(position - 1),
    ]);
    if (stored !== undefined) return stored;
    try {
      const { encoded } = await deriveUpdate(this.#readTiles, before, row);
      return await this.#pack(position, encoded, losses);
    } catch (error) {
      // Pruning stores an update in the moment in which it takes the trees.
      const pruned = await this.#store.readUpdate(position);
      if (pruned !== undefined) return pruned;
      throw error;
    }
  }

  /** Returns the update of an entry that this process has appended, if it is the one that the entry names. */
  async #freshUpdate(position: number): Promise<Uint8Array | undefined> {
    const fresh = this.#fresh.get(String(position));
    return fresh !== undefined && equalBytes(sha256(fresh), await this.hash(position)) ? fresh : undefined;
  }

  async #pack(position: number, encoded: Uint8Array, losses: number): Promise<Uint8Array> {
    const packed = await packUpdate(encoded);
    if (losses === this.#losses) this.#derived.set(String(position), packed);
    return packed;
  }

  async #entry(position: number): Promise<EntryRow> {
    const known = this.#entries.get(String(position));
    if (known !== undefined) return known;
    const losses = this.#losses;
    const [row] = await this.#store.readEntries([position]);
    if (row === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${position} is missing`);
    if (losses === this.#losses) this.#entries.set(String(position), row);
    return row;
  }
}
