import { compareBytes, equalBytes, formatHex } from '../encoding/bytes.ts';
import type { PrefixLeaf } from '../keytrans/proofs.ts';
import { KEY_LENGTH } from './key-bits.ts';
import type { PrefixTile, TileReference } from './prefix-tile.ts';
import { MAX_LOOKUPS, type PrefixRoot } from './prefix-tree.ts';
import type { TileName } from './tile-name.ts';
import type { TileRequests } from './tile-paths.ts';
import { assertTile, LAST_SLOT, TILE_LEVELS } from './tile-shape.ts';

/** Levels of tiles in the deepest tree. */
const MAX_TILE_LEVELS = (8 * KEY_LENGTH) / TILE_LEVELS;

/** A tile that the log entry wrote, and the one whose place it took. */
interface Pair {
  readonly after: TileReference;
  readonly before: TileReference | undefined;
}

/**
 * Finds the leaves that log entry `position` added, ascending: those in the tiles that it wrote, without those in the
 * tiles that these replaced. Tiles are untrusted: throws `storage-corrupt` if one is not the one referred to, or if
 * there are more than one entry can write. The caller compares the result with what the log says of it.
 */
export function* findAddedLeaves(before: PrefixRoot, after: PrefixRoot, position: number): TileRequests<PrefixLeaf[]> {
  const found = new Map<string, PrefixLeaf>();
  const known = new Set<string>();
  const root = referenceTo(after);
  let pairs: Pair[] = isOf(root, position) ? [{ after: root, before: referenceTo(before) }] : [];
  for (let level = 0; pairs.length > 0; level++) {
    // Every tile that was written is on the path of a leaf that was added.
    assertTile(level < MAX_TILE_LEVELS && pairs.length <= MAX_LOOKUPS, 'more tiles than one entry writes');
    const tiles = yield pairs.flatMap((pair) => namesOf(pair));
    let next = 0;
    const below: Pair[] = [];
    for (const pair of pairs) {
      const written = checked(pair.after, tiles[next++]);
      const replaced = pair.before && checked(pair.before, tiles[next++]);
      collectLeaves(written, (key, leaf) => found.set(key, leaf));
      if (replaced !== undefined) collectLeaves(replaced, (key) => known.add(key));
      below.push(...pairsBelow(written, replaced, position));
    }
    pairs = below;
  }
  const added = [...found].filter(([key]) => !known.has(key)).map(([, leaf]) => leaf);
  assertTile(added.length <= MAX_LOOKUPS, 'more leaves than one entry adds');
  return added.sort((a, b) => compareBytes(a.vrfOutput, b.vrfOutput));
}

function referenceTo({ hash, tile }: PrefixRoot): TileReference | undefined {
  return tile && { hash, tile };
}

function isOf(reference: TileReference | undefined, position: number): reference is TileReference {
  return reference?.tile.position === position;
}

function namesOf({ after, before }: Pair): TileName[] {
  return before === undefined ? [after.tile] : [after.tile, before.tile];
}

function checked(reference: TileReference, tile: PrefixTile | undefined): PrefixTile {
  const isIt = tile !== undefined && equalBytes(tile.headHash, reference.hash);
  assertTile(isIt, 'not the tile that is referred to');
  return tile;
}

function collectLeaves(tile: PrefixTile, take: (key: string, leaf: PrefixLeaf) => void): void {
  for (let slot = 1; slot <= LAST_SLOT; slot++) {
    if (tile.kind(slot) !== 'leaf') continue;
    const leaf = tile.leaf(slot);
    take(formatHex(leaf.vrfOutput), leaf);
  }
}

/** The tiles below that the entry wrote, each with the one that was at its slot. */
function pairsBelow(written: PrefixTile, replaced: PrefixTile | undefined, position: number): Pair[] {
  const pairs: Pair[] = [];
  for (let slot = 1; slot <= LAST_SLOT; slot++) {
    if (written.kind(slot) !== 'reference') continue;
    const after = written.reference(slot);
    if (!isOf(after, position)) continue;
    pairs.push({ after, before: replaced?.kind(slot) === 'reference' ? replaced.reference(slot) : undefined });
  }
  return pairs;
}
