import { compareBytes } from '../../../src/core/encoding/bytes.ts';
import type { PrefixLeaf, PrefixProof } from '../../../src/core/keytrans/proofs.ts';
import { driveTilesSync } from '../../../src/core/prefix/drive.ts';
import { decodePrefixTile, encodePrefixTile, type PrefixTile } from '../../../src/core/prefix/prefix-tile.ts';
import {
  EMPTY_PREFIX_ROOT,
  insertPrefixLeaves,
  type PrefixInsertion,
  type PrefixRoot,
  provePrefixLookups,
} from '../../../src/core/prefix/prefix-tree.ts';
import { formatTileName, type TileName } from '../../../src/core/prefix/tile-name.ts';
import type { TileRequests } from '../../../src/core/prefix/tile-paths.ts';

/** Stored tiles in a Map; every read goes through the encoding. */
export class TileStore {
  readonly rows = new Map<string, Uint8Array>();
  /** Names asked for, one list per round trip. */
  readonly reads: (readonly TileName[])[] = [];

  read(name: TileName): PrefixTile {
    const data = this.rows.get(formatTileName(name));
    if (data === undefined) throw new Error(`no tile ${formatTileName(name)}`);
    return decodePrefixTile(data);
  }

  drive<R>(work: TileRequests<R>): R {
    return driveTilesSync(work, (name) => this.read(name));
  }

  /** Adds leaves in any order as log entry `position`, and stores the new tiles. */
  insert(root: PrefixRoot, leaves: readonly PrefixLeaf[], position: number): PrefixInsertion {
    const insertion = this.drive(insertPrefixLeaves(root, sortLeaves(leaves), position));
    for (const { name, tile } of insertion.tiles) this.rows.set(formatTileName(name), encodePrefixTile(tile));
    return insertion;
  }

  prove(root: PrefixRoot, keys: readonly Uint8Array[]): PrefixProof {
    return this.drive(provePrefixLookups(root, keys));
  }

  /** A tree of `leaves`, added in log entries of `batch` leaves. */
  build(leaves: readonly PrefixLeaf[], batch = 255): PrefixRoot {
    let root = EMPTY_PREFIX_ROOT;
    for (let i = 0; i < leaves.length; i += batch) root = this.insert(root, leaves.slice(i, i + batch), i).root;
    return root;
  }
}

/** Leaves in ascending order of their keys. */
export function sortLeaves(leaves: readonly PrefixLeaf[]): PrefixLeaf[] {
  return leaves.toSorted((a, b) => compareBytes(a.vrfOutput, b.vrfOutput));
}
