import { HASH_LENGTH } from '../crypto/sha256.ts';
import { ByteReader } from '../encoding/byte-reader.ts';
import { ByteWriter } from '../encoding/byte-writer.ts';
import { decodeError, ensure, GlasskeyError } from '../errors.ts';
import { foldNodes, type CompactRange } from './compact-range.ts';
import type { NodeHasher } from './node-hasher.ts';
import { balancedNodes, type TreeNode } from './tree-node.ts';

/** The number of tree levels in one tile. */
export const TILE_HEIGHT = 8;
/** Hashes in a full tile. */
export const TILE_WIDTH = 256;
/** Bytes of a full tile. */
export const TILE_LENGTH = TILE_WIDTH * HASH_LENGTH;

/** The coordinates of one tile. `level` counts tiles (8 tree levels each) from the leaves; see c2sp.org/tlog-tiles. */
export interface TileCoordinate {
  readonly level: number;
  readonly index: number;
}

/** A full tile: 256 hashes, 8192 bytes. It never changes. */
export interface FullTile extends TileCoordinate {
  readonly data: Uint8Array;
}

/**
 * The right edge of a log's Merkle tree as partial tiles. With the full tiles, it suffices to append and to read any
 * node. Immutable.
 */
export interface TreeEdge {
  /** The number of leaves, 0..2^53-1. */
  readonly size: number;
  /**
   * `partials[L]` holds the hashes of the partial tile of level L, concatenated: `floor(size / 256^L) mod 256` hashes,
   * possibly none. There is one element for each level L with `256^L <= size`.
   */
  readonly partials: readonly Uint8Array[];
}

/** The edge of a tree without leaves. */
export const EMPTY_EDGE: TreeEdge = { size: 0, partials: [] };

/**
 * Returns the number of hashes of a tile in a tree of `size` leaves: 0 (no such tile), 1..255 (partial) or 256 (full).
 */
export function tileWidth(tile: TileCoordinate, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** tile.level) - tile.index * TILE_WIDTH;
  return Math.min(Math.max(hashes, 0), TILE_WIDTH);
}

/**
 * Appends leaves, given as hashes of 32 bytes in order. Returns the new edge and the tiles that became full, lower
 * levels before higher ones within each run of 256 leaves. {@link edgeRoot} computes the root of the result.
 */
export function appendLeaves(
  edge: TreeEdge,
  leafHashes: readonly Uint8Array[],
  hasher: NodeHasher,
): { readonly edge: TreeEdge; readonly tiles: readonly FullTile[] } {
  const tiles: FullTile[] = [];
  const builders = edge.partials.map((partial) => growable(partial));
  let size = edge.size;
  for (const leaf of leafHashes) {
    ensure(leaf.length === HASH_LENGTH, 'value-out-of-range', 'a leaf hash has 32 bytes');
    size++;
    let hash: Uint8Array | undefined = leaf;
    for (let level = 0; hash !== undefined; level++) {
      const builder: Builder = (builders[level] ??= growable(new Uint8Array()));
      builder.data.set(hash, builder.length);
      builder.length += HASH_LENGTH;
      hash = undefined;
      if (builder.length === TILE_LENGTH) {
        tiles.push({ level, index: size / TILE_WIDTH ** (level + 1) - 1, data: builder.data });
        hash = subtreeHead(builder.data, level, 0, TILE_HEIGHT, hasher);
        builders[level] = growable(new Uint8Array());
      }
    }
  }
  ensure(Number.isSafeInteger(size), 'value-out-of-range', 'the log is full');
  return { edge: { size, partials: builders.map(({ data, length }) => data.slice(0, length)) }, tiles };
}

interface Builder {
  readonly data: Uint8Array;
  length: number;
}

function growable(partial: Uint8Array): Builder {
  const data = new Uint8Array(TILE_LENGTH);
  data.set(partial);
  return { data, length: partial.length };
}

/** Returns the edge's tree as a compact range, which can be appended to leaf by leaf. */
export function rangeOf(edge: TreeEdge, hasher: NodeHasher): CompactRange {
  const heads = balancedNodes(0, edge.size).map((node) => nodeFromEdge(edge, node, hasher));
  return { size: edge.size, heads };
}

/** Computes the root of the edge's tree; undefined for a tree without leaves. */
export function edgeRoot(edge: TreeEdge, hasher: NodeHasher): Uint8Array | undefined {
  const nodes = balancedNodes(0, edge.size);
  return foldNodes(
    nodes.map((node) => ({ level: node.level, value: nodeFromEdge(edge, node, hasher) })),
    hasher,
  );
}

/** Returns the tile that holds a node, or holds the hashes from which the node is computed. */
export function tileOfNode(node: TreeNode): TileCoordinate {
  const level = Math.floor(node.level / TILE_HEIGHT);
  const hashesBelow = 2 ** (node.level % TILE_HEIGHT);
  return { level, index: Math.floor((node.index * hashesBelow) / TILE_WIDTH) };
}

/**
 * Locates the hashes that a node is computed from, in a tree of `size` leaves: in a full tile, or in the right edge
 * (`edge.partials[level]`). Throws `value-out-of-range` for a node that is not a full subtree of such a tree.
 */
export function locateNode(node: TreeNode, size: number): { readonly tile: TileCoordinate; readonly full: boolean } {
  ensure((node.index + 1) * 2 ** node.level <= size, 'value-out-of-range', 'no such node in a tree of this size');
  const tile = tileOfNode(node);
  return { tile, full: tileWidth(tile, size) === TILE_WIDTH };
}

/**
 * Lists the full tiles that these nodes need in a tree of `size` leaves, each once. All other nodes are in the edge.
 */
export function fullTilesOfNodes(nodes: readonly TreeNode[], size: number): TileCoordinate[] {
  const tiles = new Map<string, TileCoordinate>();
  for (const node of nodes) {
    const { tile, full } = locateNode(node, size);
    if (full) tiles.set(`${tile.level}/${tile.index}`, tile);
  }
  return [...tiles.values()];
}

/**
 * Computes the value of `node` from the hashes of its tile ({@link tileOfNode}), full or partial. Throws
 * `storage-corrupt` if the tile is too short to contain it.
 */
export function nodeFromTile(data: Uint8Array, node: TreeNode, hasher: NodeHasher): Uint8Array {
  const height = node.level % TILE_HEIGHT;
  const first = (node.index * 2 ** height) % TILE_WIDTH;
  if (data.length < (first + 2 ** height) * HASH_LENGTH) {
    throw new GlasskeyError('storage-corrupt', `a log tile has ${data.length} bytes and lacks node ${node.index}`);
  }
  return subtreeHead(data, Math.floor(node.level / TILE_HEIGHT), first, height, hasher);
}

/** Computes the value of a node whose tile is partial. Throws `storage-corrupt` if the edge does not contain it. */
export function nodeFromEdge(edge: TreeEdge, node: TreeNode, hasher: NodeHasher): Uint8Array {
  const tile = tileOfNode(node);
  const partial = edge.partials[tile.level];
  const isEdge = partial !== undefined && tile.index === Math.floor(edge.size / TILE_WIDTH ** (tile.level + 1));
  if (!isEdge) throw new GlasskeyError('storage-corrupt', `node ${node.level}/${node.index} is not in the right edge`);
  return nodeFromTile(partial, node, hasher);
}

/** Computes the head of a subtree within a tile: over `2^height` hashes, starting at number `first`. */
function subtreeHead(
  data: Uint8Array,
  tileLevel: number,
  first: number,
  height: number,
  hasher: NodeHasher,
): Uint8Array {
  let row: Uint8Array[] = [];
  for (let i = first; i < first + 2 ** height; i++) row.push(data.slice(i * HASH_LENGTH, (i + 1) * HASH_LENGTH));
  for (let level = tileLevel * TILE_HEIGHT; row.length > 1; level++) {
    const parents: Uint8Array[] = [];
    for (let i = 0; i < row.length; i += 2) {
      parents.push(hasher.parent(row[i] as Uint8Array, level, row[i + 1] as Uint8Array, level));
    }
    row = parents;
  }
  return row[0] as Uint8Array;
}

/** Encodes an edge: uint64 size, then the hashes of every partial tile from level 0 upwards. */
export function encodeTreeEdge(edge: TreeEdge): Uint8Array {
  const writer = new ByteWriter();
  writer.uint64(edge.size);
  for (const partial of edge.partials) writer.bytes(partial);
  return writer.finish();
}

/**
 * Decodes the output of {@link encodeTreeEdge}; the size determines the length of each partial tile. Throws
 * `malformed-encoding`.
 */
export function decodeTreeEdge(bytes: Uint8Array): TreeEdge {
  const reader = new ByteReader(bytes);
  const size = reader.uint64();
  const partials: Uint8Array[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / TILE_WIDTH)) {
    partials.push(reader.bytes((rest % TILE_WIDTH) * HASH_LENGTH));
  }
  if (reader.remaining !== 0) throw decodeError('trailing bytes after a tree edge');
  return { size, partials };
}
