import { GlasskeyError } from '../../core/errors.ts';
import type { ReadTiles } from '../../core/prefix/drive.ts';
import { cachedTileReader, PrefixTileCache } from '../../core/prefix/tile-cache.ts';
import type { EntryRow } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import { auditEntryOf } from '../log/stored-data.ts';
import { readReplacedTiles } from './replaced-tiles.ts';

/** Log entries per step. */
const STEP_ENTRIES = 64;

/** Memory for decoded tiles, bytes: consecutive versions share most of theirs. */
const CACHE_BYTES = 8 * 2 ** 20;

/** Result of one {@link Pruner.step}. */
export type PruneStep = 'pruned' | 'idle';

/**
 * Deletes versions of the prefix tree past the log's maximum lifetime (KT §7.1), while the log is served. No proof
 * needs the tree of an expired entry. Its timestamp, root and update stay, for searches across it and for auditors.
 *
 * A tile belongs to every version of the tree from the entry that wrote it to the one before the entry that replaced
 * it. An entry replaces exactly the tiles on the paths of the keys that it adds, as they were in the version before. So
 * once version q-1 is expired, and with it all before, the tiles that entry q replaced belong to expired versions only.
 * Those that later tiles are stored as changes of stay as long as these do. An update is stored when its trees go.
 * The pruner goes through the entries in order ({@link readReplacedTiles}); its progress and its deletions are one
 * transaction.
 */
export class Pruner {
  readonly #context: LogContext;
  readonly #readTiles: ReadTiles;
  readonly #isActive: () => boolean;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;

  /** While `isActive` is false, {@link start} leaves the work to other processes. */
  constructor(context: LogContext, isActive: () => boolean = () => true) {
    this.#context = context;
    this.#isActive = isActive;
    const { store } = context;
    const cache = new PrefixTileCache(CACHE_BYTES);
    this.#readTiles = cachedTileReader(cache, (names) => store.readPrefixTiles(names));
  }

  /** Starts to prune at intervals, if the log has a maximum lifetime. */
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
   * Deletes the tiles that a few entries have replaced. Idempotent: several processes may do this at once.
   * Throws `storage-corrupt` and storage errors.
   */
  async step(): Promise<PruneStep> {
    const { store } = this.#context;
    const from = await store.readPruned();
    try {
      return await this.#stepFrom(from);
    } catch (error) {
      // Another process may have deleted the tiles that this one was about to read.
      if ((await store.readPruned()) !== from) return 'pruned';
      throw error;
    }
  }

  async #stepFrom(from: number): Promise<PruneStep> {
    const { store, observe } = this.#context;
    const rows = await this.#readVersions(Math.max(from, 1) - 1);
    if (rows.length < 2) return 'idle';
    const { end: to, tiles: prefixTiles, updates } = await readReplacedTiles(store, this.#readTiles, rows);
    const pruned = await store.prune({ from, to, prefixTiles, updates });
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
      // Other work gets its turn at the database between steps.
      if (this.#isActive() && (await this.step()) === 'pruned') pauseMs = limits.prunePauseMs;
    } catch (error) {
      observe({ type: 'pruning-failed', error });
    }
    this.#later(pauseMs);
  }

  /**
   * Reads entries from `start` on, all but the last of them expired for every head that a client may still accept or a
   * replica may still serve. Returns at most {@link STEP_ENTRIES}; none or one if there is nothing to do.
   */
  async #readVersions(start: number): Promise<readonly EntryRow[]> {
    const { store, configuration, limits } = this.#context;
    const { maximumLifetimeMs: lifetimeMs, maxBehindMs } = configuration;
    const released = await store.readReleased();
    if (lifetimeMs === undefined || released === undefined || start >= released.size) return [];
    const [newest] = await store.readEntries([released.size - 1]);
    const expiredMs = timestampOf(newest) - lifetimeMs - maxBehindMs - limits.pruneMarginMs;
    const rows = await store.readEntryRange(start, Math.min(start + STEP_ENTRIES, released.size));
    const fits = rows.every(({ position }, i) => position === start + i);
    if (!fits) throw new GlasskeyError('storage-corrupt', 'log entries are missing');
    const kept = rows.findIndex((row) => timestampOf(row) > expiredMs);
    return kept < 0 ? rows : rows.slice(0, kept + 1);
  }
}

function timestampOf(row: EntryRow | undefined): number {
  if (row === undefined) throw new GlasskeyError('storage-corrupt', 'a released log entry is missing');
  return auditEntryOf(row).timestampMs;
}
