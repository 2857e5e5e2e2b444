import type { AuditEntry } from '../../core/audit/audit-entry.ts';
import type { VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { EMPTY_AUDITOR_STATE } from '../../core/keytrans/auditor-update.ts';
import { TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import type { AuditFiles } from '../audit/audit-files.ts';
import { readProvedBundle } from './proved-entries.ts';

const DAY_MS = 86_400_000;
/** Days that are counted, up to the newest entry's own. */
const DAYS = 30;
/** Most bundles that are read evenly over these days; each is about 40 KB. */
const MAX_BUNDLES = 24;

/** Entries with changes on one day. */
export interface DayCount {
  /** Beginning of the day, UTC, ms since the epoch. */
  readonly dayMs: number;
  readonly changes: number;
}

/** The changes of the last days. */
export interface LogActivity {
  /** Oldest first, without a gap. */
  readonly days: readonly DayCount[];
  /** True if only a sample of the entries was read, so that the counts are estimates. */
  readonly isSample: boolean;
  /** Entries that were read and proved. */
  readonly entries: number;
}

/** One proved bundle: its first entry's time, its last entry's, and the times of entries that change a name. */
interface ReadBundle {
  readonly index: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly changesMs: readonly number[];
  readonly width: number;
}

/**
 * Counts log entries that changed names, a day, over the last 30 days up to the newest entry. An entry without a
 * change, such as a heartbeat, leaves the root of the tree of names as it was. Reads at most {@link MAX_BUNDLES}
 * bundles, and a few more to find the first day; what lies between them is estimated. Each bundle that is read is
 * proved to be of `checkpoint`.
 */
export async function readActivity(files: AuditFiles, checkpoint: VerifiedCheckpoint): Promise<LogActivity> {
  const bundles = new Map<number, Promise<ReadBundle>>();
  const read = (index: number): Promise<ReadBundle> => {
    const found = bundles.get(index) ?? readProvedBundle(files, checkpoint, index).then((all) => summed(index, all));
    bundles.set(index, found);
    return found;
  };
  const last = Math.ceil(checkpoint.size / TILE_WIDTH) - 1;
  const newestDay = dayOf((await read(last)).lastMs);
  const sinceMs = newestDay - (DAYS - 1) * DAY_MS;
  const first = await firstSince(sinceMs, last, read);
  const chosen = evenly(first, last, MAX_BUNDLES);
  const samples: ReadBundle[] = [];
  for (const index of chosen) samples.push(await read(index));
  const counts = counted(samples);
  const oldestDay = Math.max(sinceMs, dayOf(samples[0]?.firstMs ?? sinceMs));
  const length = (newestDay - oldestDay) / DAY_MS + 1;
  const days = Array.from({ length }, (_, i) => {
    const dayMs = oldestDay + i * DAY_MS;
    return { dayMs, changes: Math.round(counts.get(dayMs) ?? 0) };
  });
  const entries = samples.reduce((sum, { width }) => sum + width, 0);
  return { days, isSample: chosen.length < last - first + 1, entries };
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS) * DAY_MS;
}

/** Returns the first bundle with an entry at or after `sinceMs`, by binary search. Timestamps never go back. */
async function firstSince(
  sinceMs: number,
  last: number,
  read: (index: number) => Promise<ReadBundle>,
): Promise<number> {
  let [low, high] = [0, last];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await read(middle)).lastMs >= sinceMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Returns at most `maximum` numbers from `first` to `last`, both included, evenly. */
export function evenly(first: number, last: number, maximum: number): readonly number[] {
  const count = last - first + 1;
  if (count <= maximum) return Array.from({ length: count }, (_, i) => first + i);
  const step = (last - first) / (maximum - 1);
  return Array.from({ length: maximum }, (_, i) => first + Math.round(i * step));
}

function summed(index: number, all: readonly { readonly entry: AuditEntry }[]): ReadBundle {
  const entries = all.map(({ entry }) => entry);
  // The entry before the bundle is not known, but for the first bundle: its first entry is taken for a heartbeat.
  let before = index === 0 ? EMPTY_AUDITOR_STATE.prefixRoot : (entries[0]?.prefixRoot ?? new Uint8Array());
  const changesMs: number[] = [];
  for (const { prefixRoot, timestampMs } of entries) {
    if (!equalBytes(before, prefixRoot)) changesMs.push(timestampMs);
    before = prefixRoot;
  }
  const [firstMs, lastMs] = [entries[0]?.timestampMs ?? 0, entries.at(-1)?.timestampMs ?? 0];
  return { index, firstMs, lastMs, changesMs, width: entries.length };
}

/** Returns changes a day: those of the samples, and an even spread of what lies between two of them. */
function counted(samples: readonly ReadBundle[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  const add = (dayMs: number, changes: number): void => void counts.set(dayMs, (counts.get(dayMs) ?? 0) + changes);
  for (const [i, sample] of samples.entries()) {
    for (const timeMs of sample.changesMs) add(dayOf(timeMs), 1);
    const next = samples[i + 1];
    if (next === undefined || next.index === sample.index + 1) continue;
    const between = (next.index - sample.index - 1) * TILE_WIDTH;
    const share = (sample.changesMs.length + next.changesMs.length) / (sample.width + next.width);
    spread(sample.lastMs, next.firstMs, between * share, add);
  }
  return counts;
}

/** Spreads `changes` evenly over the time from `startMs` to `endMs`. */
function spread(startMs: number, endMs: number, changes: number, add: (dayMs: number, changes: number) => void): void {
  if (dayOf(startMs) === dayOf(endMs)) return add(dayOf(startMs), changes);
  for (let dayMs = dayOf(startMs); dayMs <= endMs; dayMs += DAY_MS) {
    const overlapMs = Math.min(endMs, dayMs + DAY_MS) - Math.max(startMs, dayMs);
    add(dayMs, (changes * Math.max(0, overlapMs)) / (endMs - startMs));
  }
}
