import { sha256 } from '../../src/core/crypto/sha256.ts';
import { encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { type PrefixProof, type PrefixLeaf, prefixSearchResultCodec } from '../../src/core/keytrans/proofs.ts';
import { driveTilesSync } from '../../src/core/prefix/drive.ts';
import { encodePrefixTile, type PrefixTile } from '../../src/core/prefix/prefix-tile.ts';
import { EMPTY_PREFIX_ROOT, insertPrefixLeaves, provePrefixLookups } from '../../src/core/prefix/prefix-tree.ts';
import { TILE_LEVELS } from '../../src/core/prefix/tile-shape.ts';
import { formatTileName, type TileName } from '../../src/core/prefix/tile-name.ts';

/** What one leaf costs in a prefix tree, on average. Sizes in bytes. */
export interface PrefixTreeCost {
  /** Leaves of the tree. */
  readonly leaves: number;
  /** Tiles that adding one leaf writes, encoded. */
  readonly tileBytes: number;
  /** Hashes of the proof that adding one leaf needs, and the encoded result of its search. */
  readonly insertion: SearchCost;
  /** The same for a leaf that is there. */
  readonly inclusion: SearchCost;
  /** A tile of which every slot is a reference: those at the top of a large tree. */
  readonly fullTileBytes: number;
}

/** The part of a prefix proof that one search adds. */
export interface SearchCost {
  readonly elements: number;
  readonly resultBytes: number;
}

/** Leaves that are added or looked up for an average. */
const SAMPLES = 128;
/** Leaves of one log entry while the tree is built. */
const BATCH = 255;

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
  for (let added = 0; added < leaves; added += BATCH) {
    const count = Math.min(BATCH, leaves - added);
    const batch = ascending(Array.from({ length: count }, (_, i) => leafOf(added + i)));
    const inserted = driveTilesSync(insertPrefixLeaves(root, batch, position++), read);
    for (const { name, tile } of inserted.tiles) tiles.set(formatTileName(name), tile);
    root = inserted.root;
  }
  let tileBytes = 0;
  const insertions: PrefixProof[] = [];
  const inclusions: PrefixProof[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const inserted = driveTilesSync(insertPrefixLeaves(root, [leafOf(leaves + i)], position), read);
    for (const { tile } of inserted.tiles) tileBytes += encodePrefixTile(tile).length / SAMPLES;
    insertions.push(inserted.proof);
    const { vrfOutput } = leafOf(Math.floor((i * leaves) / SAMPLES));
    inclusions.push(driveTilesSync(provePrefixLookups(root, [vrfOutput]), read));
  }
  const top = root.tile === undefined ? undefined : read(root.tile);
  return {
    leaves,
    tileBytes,
    insertion: average(insertions),
    inclusion: average(inclusions),
    fullTileBytes: top === undefined ? 0 : encodePrefixTile(top).length,
  };
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

  /** Tiles that a log entry writes which adds so many leaves, in bytes. */
  tileBytes(added: number): number {
    let tiles = 0;
    for (let layer = 0; layer < this.layers; layer++) tiles += touched(TILE_LEVELS * layer, added);
    return tiles * this.#below.fullTileBytes + added * this.#below.tileBytes;
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
