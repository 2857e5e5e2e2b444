import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import {
  assembleProof,
  nodesOfPlan,
  planConsistency,
  planInclusion,
  planOldTree,
  type ProofPlan,
} from '../../core/audit/rfc6962-prove.ts';
import { formatTilePath } from '../../core/audit/tile-path.ts';
import { HASH_LENGTH } from '../../core/crypto/sha256.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { nodeFromTile, tileOfNode, tileWidth, type TileCoordinate } from '../../core/log/tiled-tree.ts';
import type { AuditFiles } from './audit-files.ts';

/**
 * Reads a hash tile of a tree of `size` leaves, full or partial; the hashes are untrusted. Throws `bad-response` for a
 * tile of another length.
 */
export async function readTile(files: AuditFiles, tile: TileCoordinate, size: number): Promise<Uint8Array> {
  const width = tileWidth(tile, size);
  const path = formatTilePath(tile, width);
  const data = await files.read(path, width * HASH_LENGTH);
  if (data.length !== width * HASH_LENGTH) throw new GlasskeyError('bad-response', `${path}: ${data.length} bytes`);
  return data;
}

/** Builds the consistency proof between two sizes (RFC 6962 §2.1.2) from the tiles of the newer tree. Untrusted. */
export function readConsistency(files: AuditFiles, oldSize: number, newSize: number): Promise<Uint8Array[]> {
  return readProof(files, planConsistency(oldSize, newSize), newSize);
}

/**
 * Builds the proof of both roots of an older and a newer tree from the tiles of the newer one; see
 * `evaluateConsistency`. Untrusted.
 */
export function readPathToOldTree(files: AuditFiles, oldSize: number, newSize: number): Promise<Uint8Array[]> {
  return readProof(files, planOldTree(oldSize, newSize), newSize);
}

/** Builds the inclusion proof of a leaf in a tree of `size` leaves (RFC 6962 §2.1.1) from its tiles. Untrusted. */
export function readInclusion(files: AuditFiles, index: number, size: number): Promise<Uint8Array[]> {
  return readProof(files, planInclusion(index, size), size);
}

async function readProof(files: AuditFiles, plan: ProofPlan, size: number): Promise<Uint8Array[]> {
  const tiles = new Map<string, TileCoordinate>();
  for (const node of nodesOfPlan(plan)) {
    const tile = tileOfNode(node);
    tiles.set(`${tile.level}/${tile.index}`, tile);
  }
  const found = new Map(
    await Promise.all([...tiles].map(async ([name, tile]) => [name, await readTile(files, tile, size)] as const)),
  );
  return assembleProof(plan, (node) => {
    const tile = tileOfNode(node);
    const data = found.get(`${tile.level}/${tile.index}`);
    return nodeFromTile(data ?? new Uint8Array(), node, rfc6962NodeHasher);
  });
}
