import { concatBytes } from '../encoding/bytes.ts';
import { HASH_LENGTH } from '../crypto/sha256.ts';
import { assembleTile, encodeReference, LEAF_LENGTH, type PrefixTile } from './prefix-tile.ts';
import type { TileName } from './tile-name.ts';
import { assertShape, assertTile, FIRST_REFERENCE_SLOT, LAST_SLOT, slotBit, type TileShape } from './tile-shape.ts';
import { baseIndex, baseNames, FULL_TILE_INTERVAL, type TileVersion } from './tile-version.ts';
import { readVarint, writeVarint, type VarintCursor } from './varint.ts';

/*
 * Encoding of a tile as the changes since its base (tile-version.ts):
 *
 *   uint8  format = 2
 *   uint8  index (1..31)
 *   for each base, nearest first, to the one that is stored in full:
 *     varint position of the version above it - its position (at least 1), varint counter
 *   varint parents, leaves, references     masks as in prefix-tile.ts, exclusive-or the base's
 *   varint changed                         bit s-16 = the reference at slot s is not the base's
 *   leaves that are no leaves of the base, by slot:   vrf_output[32], commitment[32]
 *   changed references, by slot:           hash[32], varint own position - its position, varint counter
 *
 * A leaf stays at its slot until it moves into a subtree, and the position in a reference says when it was written: so
 * the shape and the position of a base are enough to write the changes since.
 */
const FORMAT = 2;
const REFERENCE_SHIFT = FIRST_REFERENCE_SLOT - 1;

/** Encodes a tile as the changes since `version.base`. */
export function encodeTileDelta(tile: PrefixTile, version: TileVersion, base: TileVersion): Uint8Array {
  const { position } = version.name;
  const header: number[] = [FORMAT, version.index];
  let above = position;
  for (const name of baseNames(version)) {
    writeVarint(header, above - name.position);
    writeVarint(header, name.counter);
    above = name.position;
  }
  const payload: Uint8Array[] = [];
  let changed = 0;
  forEachSlot(tile.leaves & ~base.leaves, (slot) => payload.push(tile.leafBytes(slot)));
  forEachSlot(tile.references, (slot) => {
    const { hash, tile: child } = tile.reference(slot);
    if (child.position <= base.name.position) return;
    changed |= slotBit(slot);
    const place: number[] = [];
    writeVarint(place, position - child.position);
    writeVarint(place, child.counter);
    payload.push(hash, Uint8Array.from(place));
  });
  writeVarint(header, tile.parents ^ base.parents);
  writeVarint(header, tile.leaves ^ base.leaves);
  writeVarint(header, (tile.references ^ base.references) >>> REFERENCE_SHIFT);
  writeVarint(header, changed >>> REFERENCE_SHIFT);
  return concatBytes(Uint8Array.from(header), ...payload);
}

/**
 * Returns the names of the bases of a stored tile, nearest first; none for one that is stored in full. The bytes are
 * untrusted: throws `storage-corrupt`. Positions decrease, so that no tile can be its own base.
 */
export function readBaseNames(name: TileName, stored: Uint8Array): readonly TileName[] {
  return stored[0] === FORMAT ? readLineage(name, stored).bases : [];
}

/**
 * Decodes changes on top of their base, without the values of the nodes. The bytes are untrusted: throws
 * `storage-corrupt` unless the base is the one named, with the bases named, and every byte is needed. The base can
 * still be another tile's: the caller compares the value of the head with the reference that led to it.
 */
export function decodeTileDelta(name: TileName, stored: Uint8Array, base: PrefixTile): PrefixTile {
  const { index, bases, cursor } = readLineage(name, stored);
  const { version: below } = base;
  const isBase =
    below !== undefined && below.index === baseIndex(index) && isSame(bases, [below.name, ...baseNames(below)]);
  assertTile(isBase, 'changes to another tile');
  const shape = readShape(cursor, base);
  const changed = readReferences(cursor);
  assertTile((changed & ~shape.references) === 0, 'a change of a reference that is not there');
  const kept = shape.references & ~changed;
  assertTile((kept & ~base.references) === 0, 'a reference that neither the base nor a change has');
  const leaves: Uint8Array[] = [];
  forEachSlot(shape.leaves, (slot) => {
    leaves.push((base.leaves & slotBit(slot)) === 0 ? take(cursor, LEAF_LENGTH) : base.leafBytes(slot));
  });
  const references: Uint8Array[] = [];
  forEachSlot(shape.references, (slot) => {
    references.push((changed & slotBit(slot)) === 0 ? base.referenceBytes(slot) : readReference(cursor, name.position));
  });
  assertTile(cursor.offset === stored.length, 'wrong length');
  return assembleTile(shape, leaves, references, [], { ...shape, name, index, base: below });
}

interface Lineage {
  readonly index: number;
  readonly bases: readonly TileName[];
  readonly cursor: VarintCursor;
}

function readLineage(name: TileName, stored: Uint8Array): Lineage {
  const [format, index = 0] = stored;
  assertTile(format === FORMAT && index >= 1 && index < FULL_TILE_INTERVAL, 'unknown format');
  const cursor = { bytes: stored, offset: 2 };
  const bases: TileName[] = [];
  let { position } = name;
  for (let left = index; left !== 0; left = baseIndex(left)) {
    const distance = readVarint(cursor);
    assertTile(distance >= 1 && distance <= position, 'a base that is not older');
    position -= distance;
    bases.push({ position, counter: readCounter(cursor) });
  }
  return { index, bases, cursor };
}

function readShape(cursor: VarintCursor, base: TileShape): TileShape {
  const shape = {
    parents: base.parents ^ readMask(cursor),
    leaves: base.leaves ^ readMask(cursor),
    references: base.references ^ readReferences(cursor),
  };
  assertShape(shape);
  return shape;
}

function readMask(cursor: VarintCursor): number {
  const mask = readVarint(cursor);
  assertTile(mask < 2 ** LAST_SLOT, 'slot out of range');
  return mask;
}

/** Only the slots of the lowest level refer to tiles. */
function readReferences(cursor: VarintCursor): number {
  const mask = readMask(cursor);
  assertTile(mask < 2 ** (LAST_SLOT - REFERENCE_SHIFT), 'slot out of range');
  return mask << REFERENCE_SHIFT;
}

function readReference(cursor: VarintCursor, position: number): Uint8Array {
  const hash = take(cursor, HASH_LENGTH);
  const distance = readVarint(cursor);
  assertTile(distance <= position, 'a reference before the log');
  return encodeReference({ hash, tile: { position: position - distance, counter: readCounter(cursor) } });
}

function readCounter(cursor: VarintCursor): number {
  const counter = readVarint(cursor);
  assertTile(counter < 2 ** 32, 'counter above 2^32-1');
  return counter;
}

function take(cursor: VarintCursor, length: number): Uint8Array {
  const start = cursor.offset;
  cursor.offset += length;
  assertTile(cursor.offset <= cursor.bytes.length, 'wrong length');
  return cursor.bytes.subarray(start, cursor.offset);
}

function isSame(a: readonly TileName[], b: readonly TileName[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ position, counter }, i) => {
      return position === b[i]?.position && counter === b[i]?.counter;
    })
  );
}

/** Calls `work` with each slot of a mask, ascending. */
function forEachSlot(mask: number, work: (slot: number) => void): void {
  for (let slot = 1; slot <= LAST_SLOT; slot++) if ((mask & slotBit(slot)) !== 0) work(slot);
}
