import { ensure } from '../errors.ts';
import type { PrefixLeaf } from '../keytrans/proofs.ts';
import { MAX_DEPTH } from './key-bits.ts';
import type { PrefixTile, TileReference } from './prefix-tile.ts';
import { insertSorted, splitLeaves } from './sorted-leaves.ts';
import { encodeTileDelta } from './tile-delta.ts';
import { TileDraft } from './tile-draft.ts';
import type { TileName } from './tile-name.ts';
import { childTile, type PathTile } from './tile-paths.ts';
import { FIRST_REFERENCE_SLOT } from './tile-shape.ts';
import { baseOfNext, type TileVersion } from './tile-version.ts';

/** A tile that an insertion made, with its name. */
export interface NamedTile {
  readonly name: TileName;
  readonly tile: PrefixTile;
  /** The bytes to store. */
  readonly stored: Uint8Array;
}

/** Changes that are longer than this part of the whole tile are not worth a read of the base. */
const LARGEST_DELTA = 3 / 4;

/**
 * Adds leaves by copy on write (KT §3.3): makes a new version of each tile that a new leaf falls into and leaves the
 * old tiles unchanged. Names of new tiles hold the log entry that makes them and a counter from 0, children before
 * their parents.
 */
export class PathGrowth {
  /** The tiles made so far. */
  readonly tiles: NamedTile[] = [];
  readonly #position: number;
  readonly #writesDeltas: boolean;

  /** With `writesDeltas`, a new version of a tile is stored as its changes: a program of format 1 cannot read it. */
  constructor(position: number, writesDeltas: boolean) {
    this.#position = position;
    this.#writesDeltas = writesDeltas;
  }

  /** Builds a whole tree of `leaves`: ascending, at least one. */
  plant(leaves: readonly PrefixLeaf[]): TileReference {
    const draft = new TileDraft();
    this.#plantAt(draft, 1, leaves, 0);
    return this.#finish(draft);
  }

  /** Adds `leaves` to the tree of `root`: ascending, at least one, and all of them new to the tree. */
  grow(root: PathTile, leaves: readonly PrefixLeaf[]): TileReference {
    return this.#growTile(root, leaves, 0);
  }

  #growTile(path: PathTile, leaves: readonly PrefixLeaf[], depth: number): TileReference {
    const draft = new TileDraft();
    this.#growAt(draft, path, 1, leaves, depth);
    return this.#finish(draft, path.tile);
  }

  /** Fills `slot` of the draft with the content of `path` there and the new leaves, which all belong below it. */
  #growAt(draft: TileDraft, path: PathTile, slot: number, leaves: readonly PrefixLeaf[], depth: number): void {
    if (leaves.length === 0) return draft.copy(path.tile, slot);
    switch (path.tile.kind(slot)) {
      case 'absent':
        return this.#plantAt(draft, slot, leaves, depth);
      case 'leaf':
        return this.#plantAt(draft, slot, insertSorted(leaves, path.tile.leaf(slot)), depth);
      case 'reference':
        return draft.setReference(slot, this.#growTile(childTile(path, slot), leaves, depth));
      case 'parent': {
        const [left, right] = splitLeaves(leaves, depth);
        this.#growAt(draft, path, 2 * slot, left, depth + 1);
        this.#growAt(draft, path, 2 * slot + 1, right, depth + 1);
        return draft.setParent(slot);
      }
    }
  }

  /** Fills `slot` of the draft with a subtree of `leaves` alone. */
  #plantAt(draft: TileDraft, slot: number, leaves: readonly PrefixLeaf[], depth: number): void {
    const [only] = leaves;
    if (only === undefined) return;
    if (leaves.length === 1) return draft.setLeaf(slot, only);
    if (slot >= FIRST_REFERENCE_SLOT) {
      const child = new TileDraft();
      this.#plantAt(child, 1, leaves, depth);
      return draft.setReference(slot, this.#finish(child));
    }
    // Two keys that differ only in their last bit would lie at depth 256, which no proof can encode.
    ensure(depth < MAX_DEPTH, 'value-out-of-range', 'two search keys differ only in their last bit');
    const [left, right] = splitLeaves(leaves, depth);
    this.#plantAt(draft, 2 * slot, left, depth + 1);
    this.#plantAt(draft, 2 * slot + 1, right, depth + 1);
    draft.setParent(slot);
  }

  /** Names a tile; `previous` is the one whose place it takes. */
  #finish(draft: TileDraft, previous?: PrefixTile): TileReference {
    const name: TileName = { position: this.#position, counter: this.tiles.length };
    const named = nameTile(name, draft.finish(), this.#writesDeltas ? previous?.version : undefined);
    this.tiles.push(named);
    return { hash: named.tile.headHash, tile: name };
  }
}

/** Decides how a tile is stored: as the changes since an earlier version where that is shorter. */
function nameTile(name: TileName, tile: PrefixTile, previous: TileVersion | undefined): NamedTile {
  const { parents, leaves, references, data } = tile;
  const own = { parents, leaves, references, name };
  const base = previous && baseOfNext(previous);
  if (previous !== undefined && base !== undefined) {
    const version: TileVersion = { ...own, index: previous.index + 1, base };
    const stored = encodeTileDelta(tile, version, base);
    if (stored.length <= LARGEST_DELTA * data.length) return { name, tile: tile.withVersion(version), stored };
  }
  return { name, tile: tile.withVersion({ ...own, index: 0, base: undefined }), stored: data };
}
