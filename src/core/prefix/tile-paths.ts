import { equalBytes } from '../encoding/bytes.ts';
import { splitIndex } from './key-bits.ts';
import type { PrefixTile, TileReference } from './prefix-tile.ts';
import type { TileName } from './tile-name.ts';
import { assertTile } from './tile-shape.ts';

/**
 * An operation on a stored prefix tree that requests the tiles it needs. Each yield names all tiles of one level, whose
 * contents are sent back in the same order. One round trip per tile level is enough, however many keys there are.
 */
export type TileRequests<R> = Generator<readonly TileName[], R, readonly PrefixTile[]>;

/** A tile on the path of some key, with its child tiles that are on such a path too. */
export interface PathTile {
  readonly tile: PrefixTile;
  /** By the slot of the reference. */
  readonly children: Map<number, PathTile>;
}

/** A tile still to be fetched. The keys `low <= i < high` lead into it. */
interface Pending {
  readonly reference: TileReference;
  readonly low: number;
  readonly high: number;
  readonly depth: number;
  /** Attaches the fetched tile to its parent. */
  readonly attach: (tile: PathTile) => void;
}

/**
 * Fetches the tiles on the paths of `keys` (ascending, at least one), starting at the tile that `root` names. Tiles are
 * untrusted: throws `storage-corrupt` if a tile's value differs from the one in the reference to it.
 */
export function* fetchPaths(root: TileReference, keys: readonly Uint8Array[]): TileRequests<PathTile> {
  const keyOf = (index: number): Uint8Array => keys[index] as Uint8Array;
  const head = new Map<number, PathTile>();
  let pending: Pending[] = [
    { reference: root, low: 0, high: keys.length, depth: 0, attach: (tile) => void head.set(1, tile) },
  ];
  while (pending.length > 0) {
    const tiles = yield pending.map(({ reference }) => reference.tile);
    assertTile(tiles.length === pending.length, 'wrong number of tiles');
    const next: Pending[] = [];
    pending.forEach(({ reference, low, high, depth, attach }, index) => {
      const tile = tiles[index] as PrefixTile;
      assertTile(equalBytes(tile.headHash, reference.hash), 'not the tile that is referred to');
      const path: PathTile = { tile, children: new Map() };
      attach(path);
      findReferences(path, 1, { keyOf, low, high, depth }, next);
    });
    pending = next;
  }
  return head.get(1) as PathTile;
}

/** The keys `low <= i < high`, which share their first `depth` bits. */
interface KeyRange {
  readonly keyOf: (index: number) => Uint8Array;
  readonly low: number;
  readonly high: number;
  readonly depth: number;
}

/** Adds the child tiles of `path`, below `slot`, into which keys of the range lead. */
function findReferences(path: PathTile, slot: number, range: KeyRange, found: Pending[]): void {
  const { keyOf, low, high, depth } = range;
  if (low === high) return;
  const kind = path.tile.kind(slot);
  if (kind === 'reference') {
    const attach = (tile: PathTile): void => void path.children.set(slot, tile);
    found.push({ reference: path.tile.reference(slot), low, high, depth, attach });
  } else if (kind === 'parent') {
    const middle = splitIndex(keyOf, low, high, depth);
    findReferences(path, 2 * slot, { keyOf, low, high: middle, depth: depth + 1 }, found);
    findReferences(path, 2 * slot + 1, { keyOf, low: middle, high, depth: depth + 1 }, found);
  }
}

/** Returns the child tile at `slot`, which {@link fetchPaths} has fetched for one of its keys. */
export function childTile(path: PathTile, slot: number): PathTile {
  const child = path.children.get(slot);
  assertTile(child !== undefined, 'a child tile that was not fetched');
  return child;
}
