import { auditEntryCodec } from '../../core/audit/audit-entry.ts';
import { leafHash, rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { compareBytes } from '../../core/encoding/bytes.ts';
import { encode } from '../../core/encoding/codec.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { auditorUpdateCodec } from '../../core/keytrans/auditor-update.ts';
import type { PrefixLeaf } from '../../core/keytrans/proofs.ts';
import { appendLeaf, type CompactRange, rangeRoot } from '../../core/log/compact-range.ts';
import { logLeaf } from '../../core/log/log-tree.ts';
import { keytransNodeHasher, type NodeHasher } from '../../core/log/node-hasher.ts';
import {
  appendLeaves,
  decodeTreeEdge,
  EMPTY_EDGE,
  encodeTreeEdge,
  type FullTile,
  rangeOf,
  type TreeEdge,
} from '../../core/log/tiled-tree.ts';
import { driveTiles, type ReadTiles } from '../../core/prefix/drive.ts';
import { formatTileName } from '../../core/prefix/tile-name.ts';
import type { NamedTile } from '../../core/prefix/path-growth.ts';
import type { PrefixTile } from '../../core/prefix/prefix-tile.ts';
import { EMPTY_PREFIX_ROOT, insertPrefixLeaves, type PrefixRoot } from '../../core/prefix/prefix-tree.ts';
import { packUpdate } from '../log/auditor-updates.ts';
import type { AppendBatch, EntryRow, HeadRow, LogTileRow, TreeKind } from '../../store/ports.ts';

/** The end of a log: its head row, ready for appending. */
interface LogTip {
  readonly timestampMs: number;
  readonly prefix: PrefixRoot;
  readonly log: GrowingTree;
  readonly audit: GrowingTree;
}

/** A log's tree: the edge is what is stored; the range yields each root for a few hashes, where the edge takes 127. */
interface GrowingTree {
  readonly edge: TreeEdge;
  readonly range: CompactRange;
  readonly hasher: NodeHasher;
}

/** The trees' part of an append: new rows of both logs and of the prefix tree. */
export interface GrownTrees extends Pick<
  AppendBatch,
  'expectedSize' | 'head' | 'entries' | 'updates' | 'logTiles' | 'packsRecords'
> {
  /** New prefix tiles, decoded, so that they can be cached once they are committed. */
  readonly prefixTiles: readonly NamedTile[];
  /** The AuditorUpdate of each new entry, encoded, if it is not stored: auditors ask for the newest ones first. */
  readonly derivedUpdates: readonly Uint8Array[];
}

/** Input of {@link growLog}. */
export interface GrowthInput {
  /** The committed head: trusted, the caller's own. */
  readonly head: HeadRow;
  /** The leaves of each new log entry, at most 255 each; an empty list makes an entry without changes. */
  readonly changes: readonly (readonly PrefixLeaf[])[];
  /** Timestamp of the new entries, ms; not before the head's. */
  readonly timestampMs: number;
  /** SHA-256 of the encoded Configuration. */
  readonly configHash: Uint8Array;
  /** Reads committed prefix tiles. */
  readonly readTiles: ReadTiles;
  /** The format of the new rows (store/stored-format.ts). */
  readonly format: number;
}

/**
 * Appends log entries in memory: the prefix tree (KT §11.9), the log tree (KT §11.8), the AuditorUpdates (KT §15.2) and
 * the audit log (docs/spec.md#audit-log). Throws `prefix-key-exists`, `storage-corrupt`, and `clock-skew` for a
 * timestamp before the head's.
 */
export async function growLog(input: GrowthInput): Promise<GrownTrees> {
  const { head } = input;
  if (input.timestampMs < head.timestampMs) throw new GlasskeyError('clock-skew', 'timestamps of a log never decrease');
  let tip = tipOf(head);
  const entries: EntryRow[] = [];
  const encodedUpdates: Uint8Array[] = [];
  const prefixTiles: NamedTile[] = [];
  const logTiles: LogTileRow[] = [];
  const readTiles = overlay(prefixTiles, input.readTiles);
  for (const leaves of input.changes) {
    const step = await appendEntry(tip, leaves, input, readTiles);
    tip = step.tip;
    entries.push(step.entry);
    encodedUpdates.push(step.update);
    prefixTiles.push(...step.prefixTiles);
    logTiles.push(...step.logTiles);
  }
  // From format 2 on, updates are derived from the trees when they are asked for.
  const isDerived = input.format >= 2;
  const updates = isDerived ? encodedUpdates.map(() => undefined) : await Promise.all(encodedUpdates.map(packUpdate));
  const trees = { head: headOf(tip), entries, updates, prefixTiles, logTiles };
  const derivedUpdates = isDerived ? encodedUpdates : [];
  return { expectedSize: head.size, ...trees, packsRecords: input.format >= 2, derivedUpdates };
}

interface EntryStep {
  readonly tip: LogTip;
  readonly entry: EntryRow;
  readonly update: Uint8Array;
  readonly prefixTiles: readonly NamedTile[];
  readonly logTiles: readonly LogTileRow[];
}

async function appendEntry(
  tip: LogTip,
  leaves: readonly PrefixLeaf[],
  { timestampMs, configHash, format }: GrowthInput,
  readTiles: ReadTiles,
): Promise<EntryStep> {
  const position = tip.log.edge.size;
  const added = leaves.toSorted((a, b) => compareBytes(a.vrfOutput, b.vrfOutput));
  const insertion = await driveTiles(insertPrefixLeaves(tip.prefix, added, position, format >= 2), readTiles);
  const update = encode(auditorUpdateCodec, { timestampMs, added, removed: [], proof: insertion.proof });
  const prefixRoot = insertion.root.hash;
  const log = grow(tip.log, logLeaf(timestampMs, prefixRoot));
  const logRoot = requireRoot(log.tree);
  const updateHash = sha256(update);
  const auditEntry = encode(auditEntryCodec, { format: 1, timestampMs, prefixRoot, logRoot, configHash, updateHash });
  const audit = grow(tip.audit, leafHash(auditEntry));
  return {
    tip: { timestampMs, prefix: insertion.root, log: log.tree, audit: audit.tree },
    entry: { position, auditEntry, prefixTile: insertion.root.tile },
    update,
    prefixTiles: insertion.tiles,
    logTiles: [...tileRows('keytrans', log.tiles), ...tileRows('audit', audit.tiles)],
  };
}

function tipOf(head: HeadRow): LogTip {
  const { size, timestampMs, prefixRoot: hash, prefixTile: tile } = head;
  const isEmpty = size === 0;
  return {
    timestampMs: isEmpty ? 0 : timestampMs,
    prefix: isEmpty ? EMPTY_PREFIX_ROOT : { hash, tile },
    log: growing(isEmpty ? EMPTY_EDGE : decodeTreeEdge(head.logEdge), keytransNodeHasher),
    audit: growing(isEmpty ? EMPTY_EDGE : decodeTreeEdge(head.auditEdge), rfc6962NodeHasher),
  };
}

function headOf({ timestampMs, prefix, log, audit }: LogTip): HeadRow {
  return {
    size: log.edge.size,
    timestampMs,
    prefixRoot: prefix.hash,
    prefixTile: prefix.tile,
    logRoot: requireRoot(log),
    auditRoot: requireRoot(audit),
    logEdge: encodeTreeEdge(log.edge),
    auditEdge: encodeTreeEdge(audit.edge),
  };
}

function growing(edge: TreeEdge, hasher: NodeHasher): GrowingTree {
  return { edge, range: rangeOf(edge, hasher), hasher };
}

/** Appends a leaf hash. Returns the new tree, and the tiles that became full. */
function grow(
  { edge, range, hasher }: GrowingTree,
  leaf: Uint8Array,
): { readonly tree: GrowingTree; readonly tiles: readonly FullTile[] } {
  const grown = appendLeaves(edge, [leaf], hasher);
  return { tree: { edge: grown.edge, range: appendLeaf(range, leaf, hasher), hasher }, tiles: grown.tiles };
}

function requireRoot({ range, hasher }: GrowingTree): Uint8Array {
  const root = rangeRoot(range, hasher);
  if (root === undefined) throw new GlasskeyError('internal', 'a log with entries has a root');
  return root;
}

function tileRows(tree: TreeKind, tiles: readonly FullTile[]): LogTileRow[] {
  return tiles.map(({ level, index, data }) => ({ tree, level, index, data }));
}

/** Returns the rows of prefix tiles. */
export function prefixTileRows(tiles: readonly NamedTile[]): AppendBatch['prefixTiles'] {
  return tiles.map(({ name, stored }) => ({ name, data: stored }));
}

/** Reads tiles of this very append from memory, all others from below. */
function overlay(pending: readonly NamedTile[], below: ReadTiles): ReadTiles {
  const known = new Map<string, PrefixTile>();
  let seen = 0;
  return async (names) => {
    for (; seen < pending.length; seen++) {
      const { name, tile } = pending[seen] as NamedTile;
      known.set(formatTileName(name), tile);
    }
    const stored = names.filter((name) => !known.has(formatTileName(name)));
    const tiles = stored.length === 0 ? [] : await below(stored);
    let next = 0;
    return names.map((name) => known.get(formatTileName(name)) ?? (tiles[next++] as PrefixTile));
  };
}
