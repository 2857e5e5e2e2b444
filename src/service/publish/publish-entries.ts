import { AUDIT_ENTRY_LENGTH, type AuditEntry, auditEntryCodec } from '../../core/audit/audit-entry.ts';
import { decodeEntryBundle } from '../../core/audit/entry-bundle.ts';
import { leafHash, rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { readUpdateBundle } from '../../core/audit/read-update-bundle.ts';
import {
  formatEntriesPath,
  formatTilePath,
  formatUpdateBundlePath,
  formatUpdatePath,
} from '../../core/audit/tile-path.ts';
import { encodeUpdateBundle } from '../../core/audit/update-bundle.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { concatBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import { appendLeaves, TILE_WIDTH, tileWidth, type TreeEdge } from '../../core/log/tiled-tree.ts';
import { eachLimited } from './each-limited.ts';
import type { LogSource } from './log-source.ts';
import { PUBLISHED_LOG, type PublishTarget } from './publish-target.ts';
import { partialTiles } from './published-edge.ts';
import type { Growth } from './read-growth.ts';

/** Most bytes of one AuditorUpdate: 255 leaves whose paths of 200 hashes share nothing. */
const MAX_UPDATE_BYTES = 2 * 1024 * 1024;
const MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + AUDIT_ENTRY_LENGTH);

/** Options of {@link publishEntries}. */
export interface EntriesOptions {
  readonly source: LogSource;
  readonly target: PublishTarget;
  /** The edge of the published tree. */
  readonly published: TreeEdge;
  /** The size of the tree to publish. */
  readonly size: number;
  readonly growth: Growth;
  /** Files copied at a time. */
  readonly concurrency: number;
  readonly onProgress: (done: number, total: number) => void;
}

/** The outcome of {@link publishEntries}. */
export interface PublishedEntries {
  /** The last entry of the log. */
  readonly last: AuditEntry;
  /** New files. */
  readonly files: number;
}

/**
 * Copies every entry after the published ones: AuditorUpdates and their bundles first, then each entry bundle and its
 * full hash tiles, and the partial tiles of the new size last. Tiles are computed from the entries. A reader who
 * follows the published checkpoint sees none of these files yet. Throws `bad-audit-entry` or `bad-auditor-update` if a
 * file contradicts `growth`, `published-differs`, and what source and target throw.
 */
export async function publishEntries(options: EntriesOptions): Promise<PublishedEntries> {
  const { target, size, growth, onProgress } = options;
  let edge = options.published;
  let last: AuditEntry | undefined;
  let files = 0;
  const create = async (path: string, bytes: Uint8Array): Promise<void> => {
    if ((await target.create(PUBLISHED_LOG + path, bytes)) === 'written') files++;
  };
  for (const [i, tileHash] of growth.tileHashes.entries()) {
    const index = growth.firstBundle + i;
    const { bundle, entries, leaves } = await readBundle(options.source, index, size, tileHash);
    const known = edge.size % TILE_WIDTH;
    const updates = await readUpdates(options.source, index, size, entries);
    await publishUpdates(options, { start: index * TILE_WIDTH, known, entries, updates }, create);
    if (updates !== undefined) await create(formatUpdateBundlePath(index), encodeUpdateBundle(updates));
    await create(formatEntriesPath(index, entries.length), bundle);
    const step = appendLeaves(edge, leaves.slice(known), rfc6962NodeHasher);
    for (const tile of step.tiles) await create(formatTilePath(tile, TILE_WIDTH), tile.data);
    edge = step.edge;
    last = entries.at(-1);
    onProgress(edge.size, size);
  }
  for (const tile of partialTiles(edge)) {
    await create(formatTilePath(tile, tileWidth(tile, size)), tile.data);
  }
  ensure(last !== undefined && edge.size === size, 'internal', 'some entries were not copied');
  return { last, files };
}

interface ReadBundle {
  readonly bundle: Uint8Array;
  readonly entries: readonly AuditEntry[];
  readonly leaves: readonly Uint8Array[];
}

async function readBundle(source: LogSource, index: number, size: number, tileHash: Uint8Array): Promise<ReadBundle> {
  const width = tileWidth({ level: 0, index }, size);
  const bundle = await source.read(formatEntriesPath(index, width), MAX_BUNDLE_BYTES);
  const encoded = decodeEntryBundle(bundle, width);
  const leaves = encoded.map(leafHash);
  const isHashed = equalBytes(sha256(concatBytes(...leaves)), tileHash);
  ensure(isHashed, 'bad-audit-entry', `the entries of bundle ${index} do not match its hash tile`);
  return { bundle, entries: encoded.map((entry) => decode(auditEntryCodec, entry)), leaves };
}

/** Reads an update bundle. Returns undefined if the source has none that holds what the entries name. */
async function readUpdates(
  source: LogSource,
  index: number,
  size: number,
  entries: readonly AuditEntry[],
): Promise<readonly Uint8Array[] | undefined> {
  const updates = await readUpdateBundle(source, index, size);
  if (updates === undefined) return undefined;
  const isNamed = entries.every(({ updateHash }, i) => equalBytes(sha256(updates[i] as Uint8Array), updateHash));
  return isNamed ? updates : undefined;
}

/** The entries of one bundle; the first `known` were published before. */
interface NewEntries {
  /** Position of the first entry. */
  readonly start: number;
  readonly known: number;
  readonly entries: readonly AuditEntry[];
  /** Their verified updates, if a bundle had them. */
  readonly updates: readonly Uint8Array[] | undefined;
}

async function publishUpdates(
  { source, target, concurrency }: EntriesOptions,
  { start, known, entries, updates }: NewEntries,
  create: (path: string, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const numbered = entries.map((entry, i) => ({ position: start + i, entry, bundled: updates?.[i] })).slice(known);
  await eachLimited(numbered, concurrency, async ({ position, entry, bundled }) => {
    const path = formatUpdatePath(position);
    // An interrupted run may have copied it already.
    const copied = await target.peek?.(PUBLISHED_LOG + path);
    if (copied !== undefined && equalBytes(sha256(copied), entry.updateHash)) return;
    const update = bundled ?? (await source.read(path, MAX_UPDATE_BYTES));
    const isNamed = equalBytes(sha256(update), entry.updateHash);
    ensure(isNamed, 'bad-auditor-update', `${path} is not the AuditorUpdate that the log entry names`);
    await create(path, update);
  });
}
