import { HASH_LENGTH } from '../crypto/sha256.ts';
import { equalBytes } from '../encoding/bytes.ts';
import type { PrefixLeaf } from '../keytrans/proofs.ts';
import { ABSENT_HASH, hashPrefixLeaf, hashPrefixParent } from './prefix-hash.ts';
import type { TileName } from './tile-name.ts';
import {
  assertShape,
  assertTile,
  countBits,
  FIRST_REFERENCE_SLOT,
  kindAt,
  LAST_SLOT,
  rank,
  slotBit,
} from './tile-shape.ts';
import type { SlotKind, TileShape } from './tile-shape.ts';
import type { TileVersion } from './tile-version.ts';

/*
 * Encoding of a tile that is stored in full (tile-delta.ts has the other one), all integers big-endian:
 *
 *   uint8  format = 1
 *   uint16 parents       bit s-1 = slot s is a parent (slots 1..15)
 *   uint32 leaves        bit s-1 = slot s is a leaf (slots 1..31)
 *   uint16 references    bit s-16 = slot s is a reference (slots 16..31)
 *   leaves by slot:      vrf_output[32], commitment[32]
 *   references by slot:  hash[32], uint64 position, uint32 counter
 */
const FORMAT = 1;
const HEADER_LENGTH = 9;
const REFERENCE_SHIFT = FIRST_REFERENCE_SLOT - 1;
/** Length of an encoded leaf. */
export const LEAF_LENGTH = 2 * HASH_LENGTH;
const REFERENCE_LENGTH = HASH_LENGTH + 12;
/** A tile's memory beside its bytes: its objects, and its place in a cache. */
const OVERHEAD = 800;

/** A child tile: the value of its head and where it is stored. */
export interface TileReference {
  readonly hash: Uint8Array;
  readonly tile: TileName;
}

/**
 * One immutable tile of the prefix tree with the values of its nodes. After the encoded bytes, it keeps the node values
 * that the encoding leaves out, so that a cached tile is never hashed again. A server keeps tens of thousands of tiles,
 * so a tile is one flat buffer rather than an object per node. Methods return views; do not write to them.
 */
export class PrefixTile implements TileShape {
  readonly parents: number;
  readonly leaves: number;
  readonly references: number;
  /** The way in which the tile is stored, so that its next version can be stored as changes; undefined if unknown. */
  readonly version: TileVersion | undefined;
  /** The encoding, then the values of parents and leaves, by slot. */
  readonly #bytes: Uint8Array;

  /** For this file only. */
  constructor({ parents, leaves, references }: TileShape, bytes: Uint8Array, version?: TileVersion) {
    this.parents = parents;
    this.leaves = leaves;
    this.references = references;
    this.version = version;
    this.#bytes = bytes;
  }

  /** Returns the same tile, stored in this way. */
  withVersion(version: TileVersion): PrefixTile {
    return new PrefixTile(this, this.#bytes, version);
  }

  /** The encoding. */
  get data(): Uint8Array {
    return this.#bytes.subarray(0, encodedLength(this));
  }

  /** The value of the tile's head. */
  get headHash(): Uint8Array {
    return this.hash(1);
  }

  /** The tile's approximate memory, in bytes. */
  get memorySize(): number {
    return this.#bytes.length + OVERHEAD;
  }

  /** Returns the kind of node at `slot` (1..31). */
  kind(slot: number): SlotKind {
    return kindAt(this, slot);
  }

  /** Returns the value of the node at `slot`; all-zero if there is no node. */
  hash(slot: number): Uint8Array {
    const bit = slotBit(slot);
    const { parents, leaves, references } = this;
    if (((parents | leaves) & bit) !== 0) {
      const offset = encodedLength(this) + HASH_LENGTH * rank(parents | leaves, bit);
      return this.#bytes.subarray(offset, offset + HASH_LENGTH);
    }
    return (references & bit) === 0 ? ABSENT_HASH : this.referenceBytes(slot).subarray(0, HASH_LENGTH);
  }

  /** Returns the leaf at `slot`, which must hold one. */
  leaf(slot: number): PrefixLeaf {
    const bytes = this.leafBytes(slot);
    return { vrfOutput: bytes.subarray(0, HASH_LENGTH), commitment: bytes.subarray(HASH_LENGTH) };
  }

  /** Returns the encoded leaf at `slot`, which must hold one. */
  leafBytes(slot: number): Uint8Array {
    const offset = HEADER_LENGTH + LEAF_LENGTH * rank(this.leaves, slotBit(slot));
    return this.#bytes.subarray(offset, offset + LEAF_LENGTH);
  }

  /** Returns the reference at `slot`, which must hold one. */
  reference(slot: number): TileReference {
    const bytes = this.referenceBytes(slot);
    const view = new DataView(bytes.buffer, bytes.byteOffset + HASH_LENGTH);
    const position = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
    return { hash: bytes.subarray(0, HASH_LENGTH), tile: { position, counter: view.getUint32(8) } };
  }

  /** Returns the encoded reference at `slot`, which must hold one. */
  referenceBytes(slot: number): Uint8Array {
    const { leaves, references } = this;
    const leavesEnd = HEADER_LENGTH + LEAF_LENGTH * countBits(leaves);
    const offset = leavesEnd + REFERENCE_LENGTH * rank(references, slotBit(slot));
    return this.#bytes.subarray(offset, offset + REFERENCE_LENGTH);
  }
}

/** Encodes a tile for storage. */
export function encodePrefixTile(tile: PrefixTile): Uint8Array {
  return tile.data;
}

/**
 * Decodes a stored tile and computes the value of each node. The bytes are untrusted: throws `storage-corrupt` unless
 * they are canonical. A canonical tile may still be the wrong one: the caller compares its `headHash` with the
 * reference that led to it.
 */
export function decodePrefixTile(stored: Uint8Array, name?: TileName): PrefixTile {
  return completeTile(readFullTile(stored, name));
}

/** Decodes a tile as {@link decodePrefixTile} does, but without the values of its nodes. */
export function readFullTile(stored: Uint8Array, name?: TileName): PrefixTile {
  assertTile(stored.length >= HEADER_LENGTH && stored[0] === FORMAT, 'unknown format');
  const shape = readShape(stored);
  assertShape(shape);
  assertTile(stored.length === encodedLength(shape), 'wrong length');
  // A copy, because drivers return views of large network buffers, which a cached tile must not keep alive.
  const bytes = new Uint8Array(stored.length + valuesLength(shape));
  bytes.set(stored);
  return new PrefixTile(shape, bytes, name && { ...shape, name, index: 0, base: undefined });
}

/** Computes the value of each node of a decoded tile, in place. Throws `storage-corrupt` for a bad reference. */
export function completeTile(tile: PrefixTile): PrefixTile {
  for (let slot = LAST_SLOT; slot >= 1; slot--) completeSlot(tile, slot);
  return tile;
}

/**
 * Assembles a tile from its shape, its encoded leaves, its encoded references, and the values of its leaves and
 * parents, each by ascending slot. The shape is the caller's own and is not checked.
 */
export function assembleTile(
  shape: TileShape,
  leaves: readonly Uint8Array[],
  references: readonly Uint8Array[],
  hashes: readonly Uint8Array[],
  version?: TileVersion,
): PrefixTile {
  const valuesStart = encodedLength(shape);
  const bytes = new Uint8Array(valuesStart + valuesLength(shape));
  const view = new DataView(bytes.buffer);
  bytes[0] = FORMAT;
  view.setUint16(1, shape.parents);
  view.setUint32(3, shape.leaves);
  view.setUint16(7, shape.references >>> REFERENCE_SHIFT);
  leaves.forEach((leaf, index) => bytes.set(leaf, HEADER_LENGTH + LEAF_LENGTH * index));
  const leavesEnd = HEADER_LENGTH + LEAF_LENGTH * leaves.length;
  references.forEach((reference, index) => bytes.set(reference, leavesEnd + REFERENCE_LENGTH * index));
  hashes.forEach((hash, index) => bytes.set(hash, valuesStart + HASH_LENGTH * index));
  return new PrefixTile(shape, bytes, version);
}

/** Encodes a reference within a tile. */
export function encodeReference({ hash, tile }: TileReference): Uint8Array {
  const bytes = new Uint8Array(REFERENCE_LENGTH);
  bytes.set(hash);
  const view = new DataView(bytes.buffer, HASH_LENGTH);
  view.setUint32(0, Math.floor(tile.position / 2 ** 32));
  view.setUint32(4, tile.position % 2 ** 32);
  view.setUint32(8, tile.counter);
  return bytes;
}

function readShape(data: Uint8Array): TileShape {
  const view = new DataView(data.buffer, data.byteOffset);
  return {
    parents: view.getUint16(1),
    leaves: view.getUint32(3),
    references: view.getUint16(7) << REFERENCE_SHIFT,
  };
}

/** Fills in the value at `slot`, once the values of higher slots are known. */
function completeSlot(tile: PrefixTile, slot: number): void {
  switch (tile.kind(slot)) {
    case 'absent':
      return;
    case 'leaf': {
      const { vrfOutput, commitment } = tile.leaf(slot);
      tile.hash(slot).set(hashPrefixLeaf(vrfOutput, commitment));
      return;
    }
    case 'parent':
      tile.hash(slot).set(hashPrefixParent(tile.hash(2 * slot), tile.hash(2 * slot + 1)));
      return;
    case 'reference': {
      const { hash, tile: name } = tile.reference(slot);
      assertTile(Number.isSafeInteger(name.position), 'position above 2^53-1');
      assertTile(!equalBytes(hash, ABSENT_HASH), 'reference to an empty subtree');
    }
  }
}

function encodedLength({ leaves, references }: TileShape): number {
  return HEADER_LENGTH + LEAF_LENGTH * countBits(leaves) + REFERENCE_LENGTH * countBits(references);
}

/** Returns the length of the values that follow the encoding in memory. */
function valuesLength({ parents, leaves }: TileShape): number {
  return HASH_LENGTH * countBits(parents | leaves);
}
