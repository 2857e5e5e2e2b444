import { GlasskeyError } from '../../core/errors.ts';
import type { NodeHasher } from '../../core/log/node-hasher.ts';
import {
  fullTilesOfNodes,
  locateNode,
  nodeFromEdge,
  nodeFromTile,
  TILE_HEIGHT,
  type TileCoordinate,
  type TreeEdge,
} from '../../core/log/tiled-tree.ts';
import type { TreeNode } from '../../core/log/tree-node.ts';
import type { LogStore, TreeKind } from '../../store/ports.ts';
import { RecentCache } from '../../core/recent-cache.ts';

/** Capacity of a reader's cache of node values. */
const MAX_VALUES = 16_384;

/**
 * Reads nodes of one of a log's two trees: full tiles from the store through a bounded cache, the rest from the edge.
 */
export class LogNodeReader {
  readonly #store: Pick<LogStore, 'readLogTiles'>;
  readonly #tree: TreeKind;
  readonly #hasher: NodeHasher;
  readonly #cache: RecentCache<Uint8Array>;
  /** Values of nodes: one that lies high in its tile takes up to 127 hashes to compute. */
  readonly #values = new RecentCache<Uint8Array>(MAX_VALUES);

  constructor(store: Pick<LogStore, 'readLogTiles'>, tree: TreeKind, hasher: NodeHasher, cacheSize: number) {
    this.#store = store;
    this.#tree = tree;
    this.#hasher = hasher;
    this.#cache = new RecentCache(cacheSize);
  }

  /** Drops the cache, for a log that has lost entries. */
  clear(): void {
    this.#cache.clear();
    this.#values.clear();
  }

  /**
   * Returns the values of nodes that exist in the edge's tree, in order; at most one round trip. Throws
   * `storage-corrupt` if a tile is missing, `value-out-of-range` for a node that is not in the tree.
   */
  async readNodes(nodes: readonly TreeNode[], edge: TreeEdge): Promise<readonly Uint8Array[]> {
    const values = nodes.map((node) => this.#values.get(nodeKey(node)));
    const missing = nodes.filter((_, i) => values[i] === undefined);
    if (missing.length === 0) return values as Uint8Array[];
    const computed = await this.#compute(missing, edge);
    let next = 0;
    return values.map((value) => {
      if (value !== undefined) return value;
      const node = missing[next] as TreeNode;
      const made = computed[next++] as Uint8Array;
      this.#values.set(nodeKey(node), made);
      return made;
    });
  }

  async #compute(nodes: readonly TreeNode[], edge: TreeEdge): Promise<readonly Uint8Array[]> {
    const coordinates = fullTilesOfNodes(nodes, edge.size);
    const tiles = await this.readTiles(coordinates);
    const byKey = new Map(coordinates.map((tile, i) => [tileKey(tile), tiles[i] as Uint8Array]));
    return nodes.map((node) => {
      const { tile, full } = locateNode(node, edge.size);
      const data = full ? byKey.get(tileKey(tile)) : undefined;
      return data === undefined ? nodeFromEdge(edge, node, this.#hasher) : nodeFromTile(data, node, this.#hasher);
    });
  }

  /** Returns full tiles of the tree, in order; at most one round trip. Throws `storage-corrupt` if one is missing. */
  async readTiles(coordinates: readonly TileCoordinate[]): Promise<readonly Uint8Array[]> {
    const tiles = coordinates.map((tile) => this.#cache.get(tileKey(tile)));
    const missing = coordinates.filter((_, i) => tiles[i] === undefined);
    if (missing.length === 0) return tiles as Uint8Array[];
    const rows = await this.#store.readLogTiles(
      missing.map(({ level, index }) => ({ tree: this.#tree, level, index })),
    );
    let next = 0;
    return tiles.map((tile) => {
      if (tile !== undefined) return tile;
      const key = tileKey(missing[next] as TileCoordinate);
      const data = rows[next++];
      if (data === undefined) throw new GlasskeyError('storage-corrupt', `${this.#tree} log tile ${key} is missing`);
      const copy = new Uint8Array(data);
      this.#cache.set(key, copy);
      return copy;
    });
  }
}

/** Returns the value of the node above a full tile: its hash in the tile of the next level. */
export function tileHead({ level, index }: TileCoordinate, data: Uint8Array, hasher: NodeHasher): Uint8Array {
  const below = (level + 1) * TILE_HEIGHT - 1;
  const left = nodeFromTile(data, { level: below, index: 2 * index }, hasher);
  const right = nodeFromTile(data, { level: below, index: 2 * index + 1 }, hasher);
  return hasher.parent(left, below, right, below);
}

function tileKey({ level, index }: TileCoordinate): string {
  return `${level}/${index}`;
}

function nodeKey({ level, index }: TreeNode): string {
  return `${level}:${index}`;
}
