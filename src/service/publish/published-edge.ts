import type { Checkpoint } from '../../core/audit/checkpoint.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { formatTilePath } from '../../core/audit/tile-path.ts';
import { HASH_LENGTH } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { type FullTile, edgeRoot, TILE_WIDTH, type TreeEdge } from '../../core/log/tiled-tree.ts';
import { PUBLISHED_LOG, type PublishTarget } from './publish-target.ts';

/** Returns the partial tiles of an edge, which a reader of this size needs beside the full ones. */
export function partialTiles(edge: TreeEdge): FullTile[] {
  return edge.partials.flatMap((data, level) =>
    data.length === 0 ? [] : [{ level, index: Math.floor(edge.size / TILE_WIDTH ** (level + 1)), data }],
  );
}

/**
 * Reads the right edge of the tree published under `checkpoint` from its tiles. Throws `published-differs` if they do
 * not match the checkpoint: somebody has changed or removed them.
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
  ensure(isSame, 'published-differs', 'the published tiles do not match the published checkpoint');
  return edge;
}

async function readTile(target: PublishTarget, level: number, index: number, width: number): Promise<Uint8Array> {
  const path = PUBLISHED_LOG + formatTilePath({ level, index }, width);
  const bytes = (await target.read(path))?.bytes;
  ensure(
    bytes?.length === width * HASH_LENGTH,
    'published-differs',
    `${path} was published, but is missing or incomplete`,
  );
  return bytes;
}
