import type { Checkpoint } from '../../core/audit/checkpoint.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { formatTilePath } from '../../core/audit/tile-path.ts';
import { HASH_LENGTH, sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { appendLeaves, edgeRoot, TILE_WIDTH, tileWidth, type TreeEdge } from '../../core/log/tiled-tree.ts';
import type { LogSource } from './log-source.ts';

/** The growth after a published tree, proved against the checkpoint before anything is written. */
export interface Growth {
  /** The first bundle of 256 entries with new ones. */
  readonly firstBundle: number;
  /** SHA-256 of the level 0 hash tile of that bundle and each after it. */
  readonly tileHashes: readonly Uint8Array[];
}

/** Tiles read at a time. */
const AHEAD = 8;

/**
 * Reads the leaf hashes between a published tree and a signed checkpoint, and checks that they lead from one to the
 * other. So the log has only grown, and the copy will be complete. Takes 32 bytes of memory for 256 entries. Throws
 * `bad-log-proof` if the hashes do not match, `network-failed`, `bad-response`.
 */
export async function readGrowth(source: LogSource, published: TreeEdge, next: Checkpoint): Promise<Growth> {
  const firstBundle = Math.floor(published.size / TILE_WIDTH);
  const endBundle = Math.ceil(next.size / TILE_WIDTH);
  const tileHashes: Uint8Array[] = [];
  let edge = published;
  for (let start = firstBundle; start < endBundle; start += AHEAD) {
    const count = Math.min(AHEAD, endBundle - start);
    const tiles = await Promise.all(Array.from({ length: count }, (_, i) => readTile(source, start + i, next.size)));
    for (const tile of tiles) {
      edge = appendTile(edge, tile);
      tileHashes.push(sha256(tile));
    }
  }
  const root = edgeRoot(edge, rfc6962NodeHasher);
  const message = 'the log does not continue the published one, or its hash tiles do not match its checkpoint';
  ensure(root !== undefined && equalBytes(root, next.rootHash), 'bad-log-proof', message);
  return { firstBundle, tileHashes };
}

/** Appends the hashes of a tile that are new to the edge. The others must match those in the edge. */
function appendTile(edge: TreeEdge, tile: Uint8Array): TreeEdge {
  const known = edge.size % TILE_WIDTH;
  const held = edge.partials[0] ?? new Uint8Array();
  const isKnown = equalBytes(tile.slice(0, known * HASH_LENGTH), held.slice(0, known * HASH_LENGTH));
  ensure(isKnown, 'bad-log-proof', 'the log has changed an entry that was published');
  const leaves: Uint8Array[] = [];
  for (let at = known * HASH_LENGTH; at < tile.length; at += HASH_LENGTH) leaves.push(tile.slice(at, at + HASH_LENGTH));
  return appendLeaves(edge, leaves, rfc6962NodeHasher).edge;
}

async function readTile(source: LogSource, index: number, size: number): Promise<Uint8Array> {
  const tile = { level: 0, index };
  const width = tileWidth(tile, size);
  const path = formatTilePath(tile, width);
  const data = await source.read(path, width * HASH_LENGTH);
  ensure(data.length === width * HASH_LENGTH, 'bad-response', `${path}: ${data.length} bytes`);
  return data;
}
