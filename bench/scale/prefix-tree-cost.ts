import { sha256 } from '../../src/core/crypto/sha256.ts';
import { encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { type PrefixProof, type PrefixLeaf, prefixSearchResultCodec } from '../../src/core/keytrans/proofs.ts';
import { driveTilesSync } from '../../src/core/prefix/drive.ts';
import type { PrefixTile } from '../../src/core/prefix/prefix-tile.ts';
import {
  EMPTY_PREFIX_ROOT,
  insertPrefixLeaves,
  type PrefixInsertion,
  provePrefixLookups,
} from '../../src/core/prefix/prefix-tree.ts';
import { TILE_LEVELS } from '../../src/core/prefix/tile-shape.ts';
import { FULL_TILE_INTERVAL } from '../../src/core/prefix/tile-version.ts';
import { formatTileName, type TileName } from '../../src/core/prefix/tile-name.ts';

/** What one leaf costs in a prefix tree, on average. Sizes in bytes. */
export interface PrefixTreeCost {
  /** Leaves of the tree. */
  readonly leaves: number;
  /** Tiles that adding one leaf writes, as they are stored: most of them as changes. */
  readonly tileBytes: number;
  /** Hashes of the proof that adding one leaf needs, and the encoded result of its search. */
  readonly insertion: SearchCost;
  /** The same for a leaf that is there. */
  readonly inclusion: SearchCost;
  /** A new version, as it is stored, of a tile of which every slot is a reference, one of them new. */
  readonly layerTileBytes: number;
}

/** The part of a prefix proof that one search adds. */
export interface SearchCost {
  readonly elements: number;
  readonly resultBytes: number;
}

/** Leaves that are added or looked up for an average. */
const SAMPLES = 128;
/** Leaves of one log entry while the tree is built: few, as a small part of a large tree gets them. */
const BATCH = 16;

function leafOf(number: number): PrefixLeaf {
  const vrfOutput = sha256(encodeUtf8(`leaf ${number}`));
  return { vrfOutput, commitment: sha256(vrfOutput) };
}

const ascending = (leaves: readonly PrefixLeaf[]): PrefixLeaf[] =>
  leaves.toSorted((a, b) => Buffer.compare(a.vrfOutput, b.vrfOutput));

/** Builds a tree with the code of the server, from keys that are always the same, and measures it. */
export function measurePrefixTree(leaves: number): PrefixTreeCost {
  const tiles = new Map<string, PrefixTile>();
  const read = (name: TileName): PrefixTile => tiles.get(formatTileName(name)) as PrefixTile;
  let root = EMPTY_PREFIX_ROOT;
  let position = 0;
  let tileBytes = 0;
  const insertions: PrefixProof[] = [];
  const inclusions: PrefixProof[] = [];
  const add = (first: number, count: number): PrefixInsertion => {
    const batch = ascending(Array.from({ length: count }, (_, i) => leafOf(first + i)));
    const inserted = driveTilesSync(insertPrefixLeaves(root, batch, position++, true), read);
    for (const { name, tile } of inserted.tiles) tiles.set(formatTileName(name), tile);
    root = inserted.root;
    return inserted;
  };
  for (let added = 0; added < leaves; added += BATCH) add(added, Math.min(BATCH, leaves - added));
  for (let i = 0; i < SAMPLES; i++) {
    const { vrfOutput } = leafOf(Math.floor((i * leaves) / SAMPLES));
    inclusions.push(driveTilesSync(provePrefixLookups(root, [vrfOutput]), read));
  }
  for (let i = 0; i < SAMPLES; i++) {
    const inserted = add(leaves + i, 1);
    for (const { stored } of inserted.tiles) tileBytes += stored.length / SAMPLES;
    insertions.push(inserted.proof);
  }
  return {
    leaves,
    tileBytes,
    insertion: average(insertions),
    inclusion: average(inclusions),
    layerTileBytes: layerTileBytes(1),
  };
}

/** Lengths of encodings (src/core/prefix/prefix-tile.ts, tile-delta.ts) of a tile of references, and of a change. */
const TILE = { references: 16, full: 9 + 16 * 44, changesHeader: 10, base: 3, change: 32 + 3 } as const;
/** The part of a tile up to which changes are stored in its place (src/core/prefix/path-growth.ts). */
const LARGEST_CHANGES = 0.75 * TILE.full;

/** A new version of a tile of references, as it is stored, of which so many are new. An average over many versions. */
function layerTileBytes(changed: number): number {
  const versions = 1024;
  let [total, index] = [0, 0];
  for (let version = 0; version < versions; version++, index++) {
    const distance = index & -index;
    const changes = TILE.references * (1 - (1 - changed / TILE.references) ** distance);
    const bases = Array.from(index.toString(2)).filter((bit) => bit === '1').length;
    const bytes = TILE.changesHeader + bases * TILE.base + changes * TILE.change;
    const inFull = index === 0 || index >= FULL_TILE_INTERVAL || bytes > LARGEST_CHANGES;
    if (inFull) index = 0;
    total += inFull ? TILE.full : bytes;
  }
  return total / versions;
}

function average(proofs: readonly PrefixProof[]): SearchCost {
  const mean = (of: (proof: PrefixProof) => number): number =>
    proofs.reduce((sum, proof) => sum + of(proof), 0) / proofs.length;
  return {
    elements: mean(({ elements }) => elements.length),
    resultBytes: mean(({ results }) =>
      results.reduce((sum, result) => sum + encode(prefixSearchResultCodec, result).length, 0),
    ),
  };
}

/** The cost of searches for several keys at once in a tree that is too large to be built. */
export class LargePrefixTree {
  readonly #below: PrefixTreeCost;
  /** Layers of full tiles above trees of the size that was measured. */
  readonly layers: number;

  constructor(below: PrefixTreeCost, layers: number) {
    this.#below = below;
    this.layers = layers;
  }

  /** Tiles that a log entry stores which adds so many leaves, in bytes. */
  tileBytes(added: number): number {
    let bytes = added * this.#below.tileBytes;
    for (let layer = 0; layer < this.layers; layer++) {
      const tiles = touched(TILE_LEVELS * layer, added);
      bytes += tiles * layerTileBytes(touched(TILE_LEVELS * (layer + 1), added) / tiles);
    }
    return bytes;
  }

  /** The PrefixProof of so many searches that find their leaf, and so many that do not, in bytes (KT §12.2). */
  proofBytes(found: number, absent: number): number {
    const { inclusion, insertion } = this.#below;
    const searches = found + absent;
    let elements = found * inclusion.elements + absent * insertion.elements;
    for (let depth = 1; depth <= TILE_LEVELS * this.layers; depth++)
      elements += 2 * touched(depth - 1, searches) - touched(depth, searches);
    // Where everything was omitted, the proof is the root alone.
    if (searches === 0) elements = 1;
    return 1 + found * inclusion.resultBytes + absent * insertion.resultBytes + 2 + 32 * elements;
  }

  /**
   * Expected bytes that compression saves on such a PrefixProof behind one for the same keys, in the tree before
   * `added` random leaves: a subtree without any of these has the same hash.
   */
  savedBytes(found: number, absent: number, added: number): number {
    const { inclusion, insertion } = this.#below;
    const full = TILE_LEVELS * this.layers;
    const same = (depth: number): number => Math.exp(added * Math.log1p(-(2 ** -depth)));
    let saved = 0;
    for (let depth = 1; depth <= full; depth++)
      saved += 32 * same(depth) * (2 * touched(depth - 1, found + absent) - touched(depth, found + absent));
    for (const [searches, { elements, resultBytes }] of [[found, inclusion] as const, [absent, insertion] as const]) {
      for (let i = 0; i < elements; i++) saved += 32 * searches * same(full + 1 + i) * Math.min(1, elements - i);
      saved += searches * resultBytes * same(full + elements);
    }
    return saved * (1 - REPEATED);
  }
}

/** Bytes that deflate spends on a byte of hashes that it has seen before: 258 in a match of about 3. */
const REPEATED = 0.04;

/** Expected number of nodes at `depth` of a full tree that lie on the way to `targets` random leaves. */
export function touched(depth: number, targets: number): number {
  const nodes = 2 ** depth;
  return nodes === 1 ? Math.min(1, targets) : -nodes * Math.expm1(targets * Math.log1p(-1 / nodes));
}

/** Largest tree that is built: beyond, full layers are put on top of a tree of a sixteenth, or a 256th, … of the leaves. */
const LARGEST_BUILT = 2 ** 14;

/** A tree of so many leaves: its lower part measured, its upper layers, which are full, computed. */
export function largePrefixTree(leaves: number, measure = measurePrefixTree): LargePrefixTree {
  let layers = 0;
  let below = leaves;
  for (; below >= LARGEST_BUILT; layers++) below /= 2 ** TILE_LEVELS;
  return new LargePrefixTree(measure(Math.round(below)), layers);
}
