import type { Checkpoint } from '../../core/audit/checkpoint.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { formatTilePath } from '../../core/audit/tile-path.ts';
import { HASH_LENGTH } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { type FullTile, edgeRoot, TILE_WIDTH, type TreeEdge } from '../../core/log/tiled-tree.ts';
import { PUBLISHED_LOG, type PublishTarget } from './publish-target.ts';

/** The partial tiles of an edge: those that a reader of this size needs beside the full ones. */
export function partialTiles(edge: TreeEdge): FullTile[] {
  return edge.partials.flatMap((data, level) =>
    data.length === 0 ? [] : [{ level, index: Math.floor(edge.size / TILE_WIDTH ** (level + 1)), data }],
  );
}

/**
 * The right edge of the tree that is published under `checkpoint`, from the tiles that are there. Throws
 * `published-differs` where they are not those of the checkpoint: somebody has changed or removed them.
 */
export async function readPublishedEdge(target: PublishTarget, checkpoint: Checkpoint): Promise<TreeEdge> {
  const { size, rootHash } = checkpoint;
  const partials: Uint8Array[] = [];
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    const width = Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH;
    const index = Math.floor(size / TILE_WIDTH ** (level + 1));
    partials.push(width === 0 ? new Uint8Array() : await readTile(target, level, index, width));
  }
  const edge = { size, partials };
  const root = edgeRoot(edge, rfc6962NodeHasher);
  const isSame = root !== undefined && equalBytes(root, rootHash);
  ensure(isSame, 'published-differs', 'the tiles that are published are not those of the published checkpoint');
  return edge;
}

async function readTile(target: PublishTarget, level: number, index: number, width: number): Promise<Uint8Array> {
  const path = PUBLISHED_LOG + formatTilePath({ level, index }, width);
  const bytes = (await target.read(path))?.bytes;
  ensure(bytes?.length === width * HASH_LENGTH, 'published-differs', `${path} is missing, though it was published`);
  return bytes;
}
