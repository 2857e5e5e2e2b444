import { readUpdateBundle } from '../../core/audit/read-update-bundle.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { HASH_LENGTH } from '../../core/crypto/sha256.ts';
import { concatBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { type AuditorState, EMPTY_AUDITOR_STATE } from '../../core/keytrans/auditor-update.ts';
import type { PrefixLeaf } from '../../core/keytrans/proofs.ts';
import { appendLeaves, EMPTY_EDGE, TILE_WIDTH, type FullTile, type TreeEdge } from '../../core/log/tiled-tree.ts';
import type { AuditState } from './audit-state.ts';
import { followChain } from './follow-entry.ts';
import type { AuditFiles } from './audit-files.ts';
import { prefetch } from './prefetch.ts';
import { openEntry, type ReadEntry, readEntries } from './read-entries.ts';
import { readTile } from './read-tree.ts';
import type { AddedLeaf, UpdatesOutcome, VerifyUpdates } from './verify-updates.ts';

/** Entry bundles that are loaded ahead; each stands for 256 AuditorUpdates. */
const BUNDLES_AHEAD = 4;
/** Entries per job: few enough that every thread has some, and that memory stays small. */
const ENTRIES_PER_JOB = 16;
/** Entries of a bundle that are worth a request for all their updates. */
const ENTRIES_PER_BUNDLE = 8;

/** Takes the leaves that consecutive entries add to the prefix tree. */
export type OnAdded = (leaves: readonly AddedLeaf[]) => void;

/** The progress of a replay: for the report, and for evidence. */
export interface Replay {
  /** Entries that are verified, by this run and earlier ones. */
  done: number;
  /** Label versions that this run's entries added so far. */
  updates: number;
  /** Timestamp of entry 0, if this run replayed it. */
  firstEntryMs: number | undefined;
  /** The entry that fails verification, and the state before it. */
  failed: { readonly before: AuditorState; readonly entry: Uint8Array } | undefined;
  /** The leaf that ends the log, if the last entry adds it. */
  endLeaf: PrefixLeaf | undefined;
  /** The copy in the auditor's own keeping, while its files are read. */
  copy: AuditFiles | undefined;
}

/** Options of {@link replayEntries}. */
export interface ReplayOptions {
  readonly files: AuditFiles;
  /** Size of the tree whose entries are read. */
  readonly size: number;
  /** SHA-256 of each Configuration that an entry may name. */
  readonly configHashes: readonly Uint8Array[];
  readonly state: AuditState | undefined;
  readonly verifyUpdates: VerifyUpdates;
  /** Jobs under way at a time, of {@link ENTRIES_PER_JOB} updates each. */
  readonly jobs: number;
  readonly replay: Replay;
  /** Called in log order with the leaves that verified entries add. */
  readonly onAdded: OnAdded | undefined;
  /** Called after progress in {@link ReplayOptions.replay}. */
  readonly onProgress: () => void;
}

/** Both trees after the last entry. */
export interface Replayed {
  readonly auditor: AuditorState;
  readonly edge: TreeEdge;
}

/**
 * Follows the log entry by entry from the state to `size`: each entry, its AuditorUpdate, its prefix root and log root,
 * and every hash tile. Entries are followed in order. Their updates are verified in jobs that may run at the same time,
 * since each is compared with the entries only. The caller must compare the resulting root with a signed one. Throws
 * `bad-audit-entry`, `bad-auditor-update`, `bad-prefix-proof`, `bad-timestamp`, `bad-log-proof`, `log-forked`,
 * `continued-after-end`.
 */
export async function replayEntries(options: ReplayOptions): Promise<Replayed> {
  const { files, size } = options;
  let auditor = options.state?.auditor ?? EMPTY_AUDITOR_STATE;
  let edge = options.state?.edge ?? EMPTY_EDGE;
  if (auditor.size === size) return { auditor, edge };
  const line = new JobLine(options);
  const [firstBundle, endBundle] = [Math.floor(auditor.size / TILE_WIDTH), Math.ceil(size / TILE_WIDTH)];
  const held = auditor.size;
  const load = async (index: number): Promise<LoadedBundle> => {
    const known = Math.max(held - index * TILE_WIDTH, 0);
    const [entries, updates] = await Promise.all([
      readEntries(files, index, size),
      TILE_WIDTH - known >= ENTRIES_PER_BUNDLE ? readUpdateBundle(files, index, size) : undefined,
    ]);
    return { entries, updates };
  };
  for await (const bundle of prefetch(firstBundle, endBundle, BUNDLES_AHEAD, load)) {
    assertKnown(bundle.entries, edge);
    const known = edge.size % TILE_WIDTH;
    const fresh = bundle.entries.slice(known);
    for (let i = 0; i < fresh.length; i += ENTRIES_PER_JOB) {
      const updates = bundle.updates?.slice(known + i, known + i + ENTRIES_PER_JOB);
      auditor = await line.add(auditor, fresh.slice(i, i + ENTRIES_PER_JOB), updates);
    }
    const step = appendLeaves(
      edge,
      fresh.map(({ leaf }) => leaf),
      rfc6962NodeHasher,
    );
    edge = step.edge;
    await assertTiles(files, step.tiles, size);
  }
  await line.end();
  await assertTiles(files, partialTiles(edge), size);
  return { auditor, edge };
}

/** The 256 entries of a bundle, or fewer at the end, with their updates if a bundle had these. */
interface LoadedBundle {
  readonly entries: readonly ReadEntry[];
  readonly updates: readonly Uint8Array[] | undefined;
}

/** Consecutive entries whose updates are being verified. */
interface Job {
  readonly before: AuditorState;
  readonly entries: readonly Uint8Array[];
  readonly outcome: Promise<UpdatesOutcome>;
}

/** The jobs under way, in log order: the first failure in that order counts. */
class JobLine {
  readonly #options: ReplayOptions;
  readonly #jobs: Job[] = [];

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** Follows entries after `state` and starts to verify their updates. Returns the state after the last of them. */
  async add(
    state: AuditorState,
    entries: readonly ReadEntry[],
    updates: readonly Uint8Array[] | undefined,
  ): Promise<AuditorState> {
    const followed: Uint8Array[] = [];
    let next = state;
    for (const { bytes } of entries) {
      try {
        next = followChain(next, openEntry(bytes), this.#options.configHashes);
      } catch (error) {
        // A fault in an earlier update comes first.
        this.#begin(state, followed, updates);
        await this.end();
        this.#options.replay.failed = { before: next, entry: bytes };
        throw error;
      }
      if (next.size === 1) this.#options.replay.firstEntryMs = next.timestampMs;
      followed.push(bytes);
    }
    this.#begin(state, followed, updates);
    while (this.#jobs.length >= this.#options.jobs) await this.#settle(this.#jobs.shift() as Job);
    return next;
  }

  /** Waits for every job. */
  async end(): Promise<void> {
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) await this.#settle(job);
  }

  #begin(before: AuditorState, entries: readonly Uint8Array[], updates: readonly Uint8Array[] | undefined): void {
    if (entries.length === 0) return;
    const { timestampMs, prefixRoot } = before;
    const joined = concatBytes(...entries);
    const outcome = this.#options.verifyUpdates({
      start: before.size,
      entries: joined,
      before: { timestampMs, prefixRoot },
      size: this.#options.size,
      updates,
      collect: this.#options.onAdded !== undefined,
    });
    // Awaited later, or never if an earlier job failed.
    outcome.catch(() => undefined);
    this.#jobs.push({ before, entries, outcome });
  }

  async #settle({ before, entries, outcome }: Job): Promise<void> {
    const { added, endLeaf, leaves, failure } = await outcome;
    const { replay, configHashes, onAdded, onProgress } = this.#options;
    replay.updates += added;
    replay.endLeaf = endLeaf;
    if (failure === undefined) {
      replay.done = before.size + entries.length;
      ensure(onAdded === undefined || leaves !== undefined, 'internal', 'added leaves were not collected');
      if (leaves !== undefined) onAdded?.(leaves);
      onProgress();
      return;
    }
    const failedAt = failure.position - before.size;
    const known = entries.slice(0, failedAt).map((bytes) => openEntry(bytes));
    const reached = known.reduce((state, entry) => followChain(state, entry, configHashes), before);
    replay.failed = { before: reached, entry: entries[failedAt] as Uint8Array };
    throw new GlasskeyError(failure.code, failure.message);
  }
}

/** Asserts that entries that an earlier run verified are unchanged. */
function assertKnown(bundle: readonly ReadEntry[], edge: TreeEdge): void {
  const hashes = edge.partials[0] ?? new Uint8Array();
  for (let i = 0; i < edge.size % TILE_WIDTH; i++) {
    const held = hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
    const leaf = bundle[i]?.leaf ?? new Uint8Array();
    ensure(equalBytes(leaf, held), 'log-forked', 'an entry that was verified earlier is now another one');
  }
}

/** Asserts that the served hash tiles are those of the entries. Level 0 was compared when its entries were read. */
async function assertTiles(files: AuditFiles, tiles: readonly FullTile[], size: number): Promise<void> {
  await Promise.all(
    tiles
      .filter(({ level }) => level > 0)
      .map(async (tile) => {
        const served = await readTile(files, tile, size);
        const isSame = equalBytes(served, tile.data);
        ensure(isSame, 'bad-log-proof', `hash tile ${tile.level}/${tile.index} is not that of the log entries`);
      }),
  );
}

function partialTiles(edge: TreeEdge): FullTile[] {
  return edge.partials.flatMap((data, level) =>
    data.length === 0 ? [] : [{ level, index: Math.floor(edge.size / TILE_WIDTH ** (level + 1)), data }],
  );
}
