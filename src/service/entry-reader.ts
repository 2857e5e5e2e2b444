import { auditEntryCodec } from '../core/audit/audit-entry.ts';
import { decode } from '../core/encoding/codec.ts';
import { GlasskeyError } from '../core/errors.ts';
import type { PrefixRoot } from '../core/prefix/prefix-tree.ts';
import type { EntryRow, LogStore } from '../store/ports.ts';
import { RecentCache } from '../core/recent-cache.ts';

/** What the prover needs of a log entry. */
export interface LogEntry {
  readonly timestampMs: number;
  /** The entry's prefix tree. */
  readonly prefix: PrefixRoot;
}

/** Reads log entries through a bounded cache: entries never change. */
export class EntryReader {
  readonly #store: Pick<LogStore, 'readEntries'>;
  readonly #cache: RecentCache<LogEntry>;

  constructor(store: Pick<LogStore, 'readEntries'>, cacheSize: number) {
    this.#store = store;
    this.#cache = new RecentCache(cacheSize);
  }

  /** An entry that is in the cache. */
  cached(position: number): LogEntry | undefined {
    return this.#cache.get(String(position));
  }

  /** The entries at these positions, in order; at most one round trip. Throws `storage-corrupt` for a missing one. */
  async read(positions: readonly number[]): Promise<readonly LogEntry[]> {
    const entries = positions.map((position) => this.cached(position));
    const missing = positions.filter((_, i) => entries[i] === undefined);
    if (missing.length === 0) return entries as LogEntry[];
    const rows = await this.#store.readEntries(missing);
    let next = 0;
    return entries.map((entry) => {
      if (entry !== undefined) return entry;
      const position = missing[next];
      const row = rows[next++];
      if (row === undefined) throw new GlasskeyError('storage-corrupt', `log entry ${position} is missing`);
      const read = toLogEntry(row);
      this.#cache.set(String(position), read);
      return read;
    });
  }
}

function toLogEntry({ auditEntry, prefixTile }: EntryRow): LogEntry {
  const { timestampMs, prefixRoot } = decode(auditEntryCodec, auditEntry);
  return { timestampMs, prefix: { hash: prefixRoot, tile: prefixTile } };
}
