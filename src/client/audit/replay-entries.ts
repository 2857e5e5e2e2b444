import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import type { AuditEntry } from '../../core/audit/audit-entry.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import {
  auditorLogRoot,
  EMPTY_AUDITOR_STATE,
  verifyAuditorUpdate,
  type AuditorState,
  type AuditorUpdate,
} from '../../core/keytrans/auditor-update.ts';
import {
  appendLeaves,
  EMPTY_EDGE,
  HASH_LENGTH,
  TILE_WIDTH,
  type FullTile,
  type TreeEdge,
} from '../../core/log/tiled-tree.ts';
import type { AuditState } from './audit-state.ts';
import type { LogFiles } from './fetch-bytes.ts';
import { prefetch } from './prefetch.ts';
import { fetchEntries, fetchUpdate, openUpdate, type ReadEntry } from './read-entries.ts';
import { fetchTile } from './read-tree.ts';

/** Entry bundles under way at a time: each stands for 256 AuditorUpdates. */
const BUNDLES_AHEAD = 3;

/** How far a replay has come: for the report, and for evidence. */
export interface Replay {
  /** The entry being verified; undefined before the first and after the last. */
  position: number | undefined;
  /** Label versions that were added so far. */
  updates: number;
}

/** What is replayed. */
export interface ReplayOptions {
  readonly files: LogFiles;
  /** Size of the tree whose entries are read. */
  readonly size: number;
  /** SHA-256 of the Configuration that every entry must name. */
  readonly configHash: Uint8Array;
  readonly state: AuditState | undefined;
  readonly concurrency: number;
  readonly replay: Replay;
  readonly onProgress: (done: number, total: number) => void;
}

/** Both trees after the last entry. */
export interface Replayed {
  readonly auditor: AuditorState;
  readonly edge: TreeEdge;
}

/**
 * Follows the log entry by entry from the state to `size`: each entry, its AuditorUpdate, its prefix root and log root, and
 * every hash tile. The root of the result is still to be compared with a signed one. Throws `bad-audit-entry`,
 * `bad-auditor-update`, `bad-prefix-proof`, `bad-timestamp`, `bad-log-proof`, `log-forked`.
 */
export async function replayEntries(options: ReplayOptions): Promise<Replayed> {
  const { files, size, replay, onProgress } = options;
  let auditor = options.state?.auditor ?? EMPTY_AUDITOR_STATE;
  let edge = options.state?.edge ?? EMPTY_EDGE;
  const start = auditor.size;
  if (start === size) return { auditor, edge };
  const updates = prefetch(start, size, options.concurrency, (position) => fetchUpdate(files, position));
  const [firstBundle, endBundle] = [Math.floor(start / TILE_WIDTH), Math.ceil(size / TILE_WIDTH)];
  const bundles = prefetch(firstBundle, endBundle, BUNDLES_AHEAD, (index) => fetchEntries(files, index, size));

  for await (const bundle of bundles) {
    assertKnown(bundle, edge);
    const fresh = bundle.slice(edge.size % TILE_WIDTH);
    for (const { entry } of fresh) {
      replay.position = auditor.size;
      const bytes = await updates.next();
      const update = openUpdate(bytes.value as Uint8Array, entry);
      auditor = followEntry(auditor, entry, update, options.configHash);
      replay.updates += update.added.length;
    }
    const step = appendLeaves(
      edge,
      fresh.map(({ leaf }) => leaf),
      rfc6962NodeHasher,
    );
    edge = step.edge;
    replay.position = undefined;
    await assertTiles(files, step.tiles, size);
    onProgress(auditor.size, size);
  }
  await assertTiles(files, partialTiles(edge), size);
  return { auditor, edge };
}

/** One entry: what it says must be what its AuditorUpdate does. */
function followEntry(
  state: AuditorState,
  entry: AuditEntry,
  update: AuditorUpdate,
  configHash: Uint8Array,
): AuditorState {
  ensure(equalBytes(entry.configHash, configHash), 'bad-audit-entry', 'the entry is of another Configuration');
  ensure(entry.timestampMs === update.timestampMs, 'bad-audit-entry', 'the entry and its update differ in time');
  const next = verifyAuditorUpdate(state, update);
  ensure(equalBytes(entry.prefixRoot, next.prefixRoot), 'bad-audit-entry', 'the entry has another prefix root');
  ensure(equalBytes(entry.logRoot, auditorLogRoot(next)), 'bad-audit-entry', 'the entry has another log root');
  return next;
}

/** The entries of a bundle that an earlier run has verified must still be the same. */
function assertKnown(bundle: readonly ReadEntry[], edge: TreeEdge): void {
  const hashes = edge.partials[0] ?? new Uint8Array();
  for (let i = 0; i < edge.size % TILE_WIDTH; i++) {
    const held = hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
    const leaf = bundle[i]?.leaf ?? new Uint8Array();
    ensure(equalBytes(leaf, held), 'log-forked', 'an entry that was verified earlier is now another one');
  }
}

/** The served hash tiles must be those of the entries. Level 0 was compared when its entries were read. */
async function assertTiles(files: LogFiles, tiles: readonly FullTile[], size: number): Promise<void> {
  await Promise.all(
    tiles
      .filter(({ level }) => level > 0)
      .map(async (tile) => {
        const served = await fetchTile(files, tile, size);
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
