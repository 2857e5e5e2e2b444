import { ensure } from '../errors.ts';

/**
 * The number of prefix-tree levels that one tile covers. A tile's head is at a depth that is a multiple of it.
 *
 * Nodes of a tile are addressed by **slot**: the head is 1, the children of `s` are `2s` and `2s+1`. Slots 1..15 are
 * the tile's own levels. Slots 16..31 are the level below: there a leaf is still inline, and a parent is a reference to
 * the tile that it heads.
 */
export const TILE_LEVELS = 4;

/** The first slot of the level at which parents are references. */
export const FIRST_REFERENCE_SLOT: number = 1 << TILE_LEVELS;

/** The last slot. */
export const LAST_SLOT: number = 2 * FIRST_REFERENCE_SLOT - 1;

/** The kind of node at a slot. */
export type SlotKind = 'absent' | 'parent' | 'leaf' | 'reference';

/**
 * The slots of a tile that hold parents, leaves and references. Slot `s` is bit `s-1`, so that a mask is a non-negative
 * 31-bit integer. Bit operations are safe here, unlike on positions.
 */
export interface TileShape {
  readonly parents: number;
  readonly leaves: number;
  readonly references: number;
}

/** Returns the bit of `slot` (1..31) in the masks of a {@link TileShape}. */
export function slotBit(slot: number): number {
  return 1 << (slot - 1);
}

/** Returns the kind of node at `slot` of a tile of the given shape. */
export function kindAt({ parents, leaves, references }: TileShape, slot: number): SlotKind {
  const bit = slotBit(slot);
  if ((parents & bit) !== 0) return 'parent';
  if ((leaves & bit) !== 0) return 'leaf';
  return (references & bit) === 0 ? 'absent' : 'reference';
}

/**
 * Throws `storage-corrupt` unless the masks describe a part of a prefix tree. Slots are within their range, with one
 * node per slot, and every node is below a parent. Each parent has at least two leaves below it, because a single leaf
 * would be higher up (KT §3.3).
 */
export function assertShape({ parents, leaves, references }: TileShape): void {
  const inner = slotBit(FIRST_REFERENCE_SLOT) - 1;
  assertTile(leaves >>> LAST_SLOT === 0 && (parents & ~inner) === 0 && (references & inner) === 0, 'slot out of range');
  assertTile((parents & leaves) === 0 && (references & leaves) === 0, 'two nodes at one slot');
  const present = parents | leaves | references;
  assertTile((present & 1) === 1, 'no head');
  for (let slot = 2; slot <= LAST_SLOT; slot++) {
    if ((present & slotBit(slot)) === 0) continue;
    assertTile((parents & slotBit(slot >> 1)) !== 0, 'a node without a parent');
  }
  for (let slot = 1; slot < FIRST_REFERENCE_SLOT; slot++) {
    if ((parents & slotBit(slot)) === 0) continue;
    const children = slotBit(2 * slot) | slotBit(2 * slot + 1);
    const both = (present & children) === children;
    assertTile(both || ((parents | references) & children) !== 0, 'a parent of fewer than two leaves');
  }
}

/** Throws `storage-corrupt` unless `condition` holds. */
export function assertTile(condition: boolean, message: string): asserts condition {
  ensure(condition, 'storage-corrupt', `prefix tile: ${message}`);
}

/** Counts the ones of `mask` below `bit`. */
export function rank(mask: number, bit: number): number {
  return countBits(mask & (bit - 1));
}

/** Counts the ones in a 31-bit mask. */
export function countBits(mask: number): number {
  const pairs = mask - ((mask >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
