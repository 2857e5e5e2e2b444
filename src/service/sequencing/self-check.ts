import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { AuditEntry } from '../../core/audit/audit-entry.ts';
import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { leafHash, rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { HASH_LENGTH, sha256 } from '../../core/crypto/sha256.ts';
import { concatBytes, equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { verifyTreeHead } from '../../core/keytrans/tree-head.ts';
import { logLeaf } from '../../core/log/log-tree.ts';
import { keytransNodeHasher, type NodeHasher } from '../../core/log/node-hasher.ts';
import { decodeTreeEdge, edgeRoot, TILE_WIDTH, type TreeEdge } from '../../core/log/tiled-tree.ts';
import type { EntryRow, HeadRow, LogTileName, ReleasedHead, TreeKind } from '../../store/ports.ts';
import { AuditorUpdates } from '../log/auditor-updates.ts';
import { AuditProofs } from '../log/audit-proofs.ts';
import type { LogContext } from '../log/log-context.ts';
import { tileHead } from '../log/log-node-reader.ts';
import { asStored, auditEntryOf } from '../log/stored-data.ts';

const decompress = promisify(gunzip);

/** Full tiles per read: 8 KB each. */
const TILE_CHUNK = 64;
/** Most full tiles that one root is computed from: one of each level. */
const ROOT_TILES = 8;

/**
 * Checks a stored log against itself before anything is signed (docs/architecture.md#sequencing-and-durability).
 * Computes the right edge of both trees again from entries and full tiles, and compares it with the head row; compares
 * the last entry, its update and the root of its prefix tree with each other, and the released head's signature and
 * checkpoint with the trees. Throws `storage-corrupt` with its finding, and storage errors.
 */
export async function checkLog(context: LogContext, head: HeadRow, released: ReleasedHead | undefined): Promise<void> {
  try {
    assertStored(head.size > 0, 'the log has no entries');
    const edges = { keytrans: decodeTreeEdge(head.logEdge), audit: decodeTreeEdge(head.auditEdge) };
    checkRoots(head, edges);
    const entries = await readLastEntries(context, head);
    checkLeaves(entries, edges);
    checkLastEntry(head, entries);
    await checkUpdate(context, entries);
    await checkPrefixRoot(context, head);
    await checkUpperLevels(context, 'keytrans', edges.keytrans, keytransNodeHasher);
    await checkUpperLevels(context, 'audit', edges.audit, rfc6962NodeHasher);
    if (released !== undefined) await checkReleased(context, head, edges.audit, released);
  } catch (cause) {
    if (!isGlasskeyError(cause) || cause.fault === 'storage') throw cause;
    throw new GlasskeyError('storage-corrupt', `the stored log contradicts itself: ${cause.message}`, { cause });
  }
}

interface Edges {
  readonly keytrans: TreeEdge;
  readonly audit: TreeEdge;
}

interface LastEntry {
  readonly row: EntryRow;
  readonly entry: AuditEntry;
}

function checkRoots(head: HeadRow, { keytrans, audit }: Edges): void {
  const fits = keytrans.size === head.size && audit.size === head.size;
  assertStored(fits, 'an edge has another size than the head');
  assertSame(edgeRoot(keytrans, keytransNodeHasher), head.logRoot, 'the log root is not that of the log edge');
  assertSame(edgeRoot(audit, rfc6962NodeHasher), head.auditRoot, 'the audit root is not that of the audit edge');
}

/** Reads the entries of the partial tile, or of the last full one if there is no partial. */
async function readLastEntries({ store }: LogContext, { size }: HeadRow): Promise<readonly LastEntry[]> {
  const start = Math.floor((size - 1) / TILE_WIDTH) * TILE_WIDTH;
  const rows = await store.readEntryRange(start, size);
  assertStored(rows.length === size - start, 'log entries are missing');
  assertStored(
    rows.every((row, i) => row.position === start + i),
    'log entries are missing',
  );
  const [beyond] = await store.readEntries([size]);
  assertStored(beyond === undefined, 'there is a log entry beyond the head');
  return rows.map((row) => ({ row, entry: auditEntryOf(row) }));
}

function checkLeaves(entries: readonly LastEntry[], { keytrans, audit }: Edges): void {
  if (keytrans.size % TILE_WIDTH === 0) return;
  const logLeaves = entries.map(({ entry }) => logLeaf(entry.timestampMs, entry.prefixRoot));
  const auditLeaves = entries.map(({ row }) => leafHash(row.auditEntry));
  assertSame(concatBytes(...logLeaves), keytrans.partials[0], 'log entries are not the leaves of the log tree');
  assertSame(concatBytes(...auditLeaves), audit.partials[0], 'log entries are not the leaves of the audit log');
}

function checkLastEntry(head: HeadRow, entries: readonly LastEntry[]): void {
  let before = 0;
  for (const { entry } of entries) {
    assertStored(entry.timestampMs >= before, 'timestamps of log entries decrease');
    before = entry.timestampMs;
  }
  const { row, entry } = entries.at(-1) as LastEntry;
  assertStored(entry.timestampMs === head.timestampMs, 'the last entry has another timestamp than the head');
  assertSame(entry.prefixRoot, head.prefixRoot, 'the last entry has another prefix root than the head');
  assertSame(entry.logRoot, head.logRoot, 'the last entry has another log root than the head');
  const { prefixTile } = row;
  const sameTile =
    prefixTile?.position === head.prefixTile?.position && prefixTile?.counter === head.prefixTile?.counter;
  assertStored(sameTile, 'the last entry has another prefix tile than the head');
}

async function checkUpdate({ store }: LogContext, entries: readonly LastEntry[]): Promise<void> {
  const { row, entry } = entries.at(-1) as LastEntry;
  const packed = await new AuditorUpdates(store).read(row.position);
  const update = await decompress(packed).catch((cause: unknown) => {
    throw new GlasskeyError('storage-corrupt', 'the update of the last entry cannot be decompressed', { cause });
  });
  assertSame(sha256(update), entry.updateHash, 'the update of the last entry has another hash');
}

async function checkPrefixRoot(context: LogContext, head: HeadRow): Promise<void> {
  if (head.prefixTile === undefined)
    return assertSame(head.prefixRoot, new Uint8Array(32), 'the prefix root has no tile');
  const [tile] = await context.readPrefixTiles([head.prefixTile]);
  assertSame(tile?.headHash, head.prefixRoot, 'the tile of the prefix root has another root');
}

/** Every hash of the upper partial tiles must be the head of the full tile below it. */
async function checkUpperLevels(
  context: LogContext,
  tree: TreeKind,
  edge: TreeEdge,
  hasher: NodeHasher,
): Promise<void> {
  for (let level = 1; level < edge.partials.length; level++) {
    const partial = edge.partials[level] as Uint8Array;
    const count = partial.length / HASH_LENGTH;
    const first = Math.floor(edge.size / TILE_WIDTH ** (level + 1)) * TILE_WIDTH;
    for (let i = 0; i < count; i += TILE_CHUNK) {
      const indexes = Array.from({ length: Math.min(TILE_CHUNK, count - i) }, (_, j) => first + i + j);
      const names = indexes.map((index): LogTileName => ({ tree, level: level - 1, index }));
      const tiles = await context.store.readLogTiles(names);
      tiles.forEach((data, j) => {
        assertStored(data !== undefined, `${tree} tile ${level - 1}/${first + i + j} is missing`);
        const found = tileHead({ level: level - 1, index: first + i + j }, data, hasher);
        const offset = (i + j) * HASH_LENGTH;
        const expected = partial.subarray(offset, offset + HASH_LENGTH);
        assertSame(found, expected, `${tree} tile ${level - 1}/${first + i + j} has another head`);
      });
    }
  }
}

async function checkReleased(
  context: LogContext,
  head: HeadRow,
  audit: TreeEdge,
  released: ReleasedHead,
): Promise<void> {
  const { size, signature, checkpoint } = released;
  assertStored(size <= head.size, 'a size was released that is beyond the head');
  const [row] = await context.store.readEntries([size - 1]);
  assertStored(row !== undefined, 'the last released entry is missing');
  const { logRoot, configHash } = auditEntryOf(row);
  // If the log has got another auditor since, the next head will be the first under the new Configuration.
  if (equalBytes(configHash, context.configHash)) {
    const treeHead = { treeSize: size, signature };
    asStored('the released head is not signed', () => verifyTreeHead(context.configuration, treeHead, logRoot));
  }
  const signer = { origin: context.origin, vkeys: [context.noteSigner.vkey] };
  const verified = asStored('the released checkpoint is not signed', () => verifyCheckpoint(checkpoint, signer));
  assertStored(verified.size === size, 'the released checkpoint has another size');
  assertSame(
    verified.rootHash,
    await new AuditProofs(context.store, ROOT_TILES).root(size, audit),
    'the released checkpoint has another root',
  );
}

function assertSame(found: Uint8Array | undefined, expected: Uint8Array | undefined, message: string): void {
  assertStored(found !== undefined && expected !== undefined && equalBytes(found, expected), message);
}

function assertStored(holds: boolean, message: string): asserts holds {
  if (!holds) throw new GlasskeyError('storage-corrupt', message);
}
