import { GlasskeyError } from '../../core/errors.ts';
import type { PrefixRoot } from '../../core/prefix/prefix-tree.ts';
import type { EntryRow, LogStore } from '../../store/ports.ts';
import { RecentCache } from '../../core/recent-cache.ts';
import { auditEntryOf } from './stored-data.ts';

/** The part of a log entry that the prover needs. */
export interface LogEntry {
  readonly timestampMs: number;
  /** The entry's prefix tree. */
  readonly prefix: PrefixRoot;
}

/**
 * Reads log entries through a bounded cache: entries never change. Reads are singleflight, because after each batch
 * every proof needs the newest entry at once.
 */
export class EntryReader {
  readonly #store: Pick<LogStore, 'readEntries'>;
  readonly #cache: RecentCache<LogEntry>;
  readonly #reading = new Map<number, Promise<LogEntry>>();

  constructor(store: Pick<LogStore, 'readEntries'>, cacheSize: number) {
    this.#store = store;
    this.#cache = new RecentCache(cacheSize);
  }

  /** Returns an entry from the cache. */
  cached(position: number): LogEntry | undefined {
    return this.#cache.get(String(position));
  }

  /** Drops the cache, for a log that has lost entries. */
  clear(): void {
    this.#cache.clear();
  }

  /**
   * Returns the entries at these positions, in order; at most one round trip. Throws `storage-corrupt` for one that
   * is missing or damaged.
   */
  async read(positions: readonly number[]): Promise<readonly LogEntry[]> {
    const entries = positions.map((position) => this.cached(position));
    const missing = positions.filter((_, i) => entries[i] === undefined);
    if (missing.length === 0) return entries as LogEntry[];
    this.#startReading(Array.from(new Set(missing)).filter((position) => !this.#reading.has(position)));
    const read = await Promise.all(missing.map((position) => this.#reading.get(position) as Promise<LogEntry>));
    let next = 0;
    return entries.map((entry) => entry ?? (read[next++] as LogEntry));
  }

  #startReading(positions: readonly number[]): void {
    if (positions.length === 0) return;
    const rows = this.#store.readEntries(positions);
    positions.forEach((position, i) => {
      const reading = this.#take(
        position,
        rows.then((found) => found[i]),
      ).finally(() => this.#reading.delete(position));
      this.#reading.set(position, reading);
    });
  }

  async #take(position: number, reading: Promise<EntryRow | undefined>): Promise<LogEntry> {
    const row = await reading;
    if (row === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${position} is missing`);
    const entry = toLogEntry(row);
    this.#cache.set(String(position), entry);
    return entry;
  }
}

function toLogEntry(row: EntryRow): LogEntry {
  const { timestampMs, prefixRoot } = auditEntryOf(row);
  return { timestampMs, prefix: { hash: prefixRoot, tile: row.prefixTile } };
}
