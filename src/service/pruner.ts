import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { auditEntryCodec } from '../core/audit/audit-entry.ts';
import { compareBytes } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { GlasskeyError } from '../core/errors.ts';
import { auditorUpdateCodec } from '../core/keytrans/auditor-update.ts';
import { driveTilesTogether, formatTileName, type ReadTiles } from '../core/prefix/drive.ts';
import { type PrefixRoot, provePrefixLookups } from '../core/prefix/prefix-tree.ts';
import { cachedTileReader, PrefixTileCache } from '../core/prefix/tile-cache.ts';
import type { TileName } from '../core/prefix/tile-name.ts';
import type { EntryRow } from '../store/ports.ts';
import type { LogContext } from './log-context.ts';

const decompress = promisify(gunzip);

/** Log entries whose replaced tiles one step deletes. */
const STEP_ENTRIES = 64;

/** Memory for decoded tiles, bytes: consecutive versions share most of theirs. */
const CACHE_BYTES = 8 * 2 ** 20;

/** What one {@link Pruner.step} did. */
export type PruneStep = 'pruned' | 'idle';

/**
 * Drops versions of the prefix tree that are past the log's maximum lifetime (KT §7.1), while serving goes on. No proof
 * looks anything up in an expired entry; its timestamp, root and update stay, for searches that pass by and for auditors.
 *
 * A tile belongs to every version of the tree from the entry that wrote it to the one before the entry that replaced it.
 * An entry replaces exactly the tiles on the paths of the keys that it adds, as they were in the version before. So once
 * version q-1 is expired, and with it all before, the tiles that entry q replaced belong to expired versions only. The
 * pruner goes through the entries in order; how far it went, and what it deleted, is one transaction.
 */
export class Pruner {
  readonly #context: LogContext;
  readonly #readTiles: ReadTiles;
  readonly #isActive: () => boolean;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;

  /** While not `isActive`, {@link start} leaves the work to other processes. */
  constructor(context: LogContext, isActive: () => boolean = () => true) {
    this.#context = context;
    this.#isActive = isActive;
    const { store } = context;
    const cache = new PrefixTileCache(CACHE_BYTES);
    this.#readTiles = cachedTileReader(cache, (names) => store.readPrefixTiles(names));
  }

  /** Starts to prune from time to time, if the log has a maximum lifetime. */
  start(): void {
    if (this.#context.configuration.maximumLifetimeMs !== undefined) this.#later(0);
  }

  /** Stops after the step that is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /**
   * Deletes what a few entries have replaced. Several processes may do this at once: what one does, the other finds done.
   * Throws `storage-corrupt` and storage errors.
   */
  async step(): Promise<PruneStep> {
    const { store } = this.#context;
    const from = await store.readPruned();
    try {
      return await this.#stepFrom(from);
    } catch (error) {
      // Another process may have deleted what was about to be read.
      if ((await store.readPruned()) !== from) return 'pruned';
      throw error;
    }
  }

  async #stepFrom(from: number): Promise<PruneStep> {
    const { store, observe } = this.#context;
    const first = Math.max(from, 1);
    const expired = await this.#expiredFrom(first - 1);
    if (expired.length === 0) return 'idle';
    // Entry `first` replaced tiles of version `first - 1`, and so on: the last one may itself be unexpired.
    const to = first + expired.length;
    const prefixTiles = await this.#replacedTiles(expired, first);
    const pruned = await store.prune({ from, to, prefixTiles });
    if (pruned !== undefined) observe({ type: 'pruned', position: to, tiles: pruned.dropped });
    return 'pruned';
  }

  #later(ms: number): void {
    if (this.#stopping) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#run();
    }, ms).unref();
  }

  async #run(): Promise<void> {
    const { limits, observe } = this.#context;
    let pauseMs = limits.pruneIntervalMs;
    try {
      // Between steps others get their turn at the database.
      if (this.#isActive() && (await this.step()) === 'pruned') pauseMs = limits.prunePauseMs;
    } catch (error) {
      observe({ type: 'pruning-failed', error });
    }
    this.#later(pauseMs);
  }

  /**
   * The entries from `start` on that are expired for every head that a client may still accept or a replica may still
   * serve, at most {@link STEP_ENTRIES} of them. Never the newest released entry.
   */
  async #expiredFrom(start: number): Promise<readonly EntryRow[]> {
    const { store, configuration, limits } = this.#context;
    const lifetimeMs = configuration.maximumLifetimeMs;
    const released = await store.readReleased();
    if (lifetimeMs === undefined || released === undefined || start >= released.size - 1) return [];
    const [newest] = await store.readEntries([released.size - 1]);
    const keptFromMs = timestampOf(newest, released.size - 1) - lifetimeMs - configuration.maxBehindMs;
    const end = Math.min(start + STEP_ENTRIES, released.size - 1);
    const rows = await store.readEntryRange(start, end);
    const expired: EntryRow[] = [];
    for (const [i, row] of rows.entries()) {
      if (row.position !== start + i) throw missing(start + i);
      if (timestampOf(row, row.position) > keptFromMs - limits.pruneMarginMs) break;
      expired.push(row);
    }
    return expired;
  }

  /** The tiles that the entries from `first` on replaced in the versions before them. */
  async #replacedTiles(before: readonly EntryRow[], first: number): Promise<readonly TileName[]> {
    const added = await Promise.all(before.map((_, i) => this.#keysAddedBy(first + i)));
    const replaced = new Map<string, TileName>();
    const recording: ReadTiles = (names) => {
      for (const name of names) replaced.set(formatTileName(name), name);
      return this.#readTiles(names);
    };
    const works = before.map((row, i) => provePrefixLookups(prefixRootOf(row), added[i] as Uint8Array[]));
    await driveTilesTogether(works, recording);
    return [...replaced.values()];
  }

  async #keysAddedBy(position: number): Promise<Uint8Array[]> {
    const stored = await this.#context.store.readUpdate(position);
    if (stored === undefined) throw missing(position);
    const { added } = decode(auditorUpdateCodec, new Uint8Array(await decompress(stored)));
    return added.map(({ vrfOutput }) => vrfOutput).sort(compareBytes);
  }
}

function prefixRootOf({ auditEntry, prefixTile }: EntryRow): PrefixRoot {
  return { hash: decode(auditEntryCodec, auditEntry).prefixRoot, tile: prefixTile };
}

function timestampOf(row: EntryRow | undefined, position: number): number {
  if (row === undefined) throw missing(position);
  return decode(auditEntryCodec, row.auditEntry).timestampMs;
}

function missing(position: number): GlasskeyError {
  return new GlasskeyError('storage-corrupt', `log entry ${position} is missing`);
}
