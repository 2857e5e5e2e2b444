import { concatBytes } from '../encoding/bytes.ts';
import type { PrefixLeaf } from '../keytrans/proofs.ts';
import { ABSENT_HASH, hashPrefixLeaf, hashPrefixParent } from './prefix-hash.ts';
import { assembleTile, encodeReference, type PrefixTile, type TileReference } from './prefix-tile.ts';
import { slotBit } from './tile-shape.ts';

/**
 * A tile under construction, filled from its leaves up to its head. Setting a parent computes its value from the
 * children present by then. Nodes copied from an older tile are not hashed again.
 */
export class TileDraft {
  #parents = 0;
  #leaves = 0;
  #references = 0;
  // By slot, with holes.
  readonly #payloads: (Uint8Array | undefined)[] = [];
  readonly #hashes: (Uint8Array | undefined)[] = [];

  /** Sets a new leaf at `slot`. */
  setLeaf(slot: number, { vrfOutput, commitment }: PrefixLeaf): void {
    this.#leaves |= slotBit(slot);
    this.#payloads[slot] = concatBytes(vrfOutput, commitment);
    this.#hashes[slot] = hashPrefixLeaf(vrfOutput, commitment);
  }

  /** Sets a parent at `slot`, whose children are already set. */
  setParent(slot: number): void {
    this.#parents |= slotBit(slot);
    this.#hashes[slot] = hashPrefixParent(
      this.#hashes[2 * slot] ?? ABSENT_HASH,
      this.#hashes[2 * slot + 1] ?? ABSENT_HASH,
    );
  }

  /** Sets a reference at `slot`. */
  setReference(slot: number, reference: TileReference): void {
    this.#references |= slotBit(slot);
    this.#payloads[slot] = encodeReference(reference);
    this.#hashes[slot] = reference.hash;
  }

  /** Copies the node at `slot` of `source` and everything below it within the tile. */
  copy(source: PrefixTile, slot: number): void {
    const kind = source.kind(slot);
    if (kind === 'absent') return;
    this.#hashes[slot] = source.hash(slot);
    switch (kind) {
      case 'leaf':
        this.#leaves |= slotBit(slot);
        this.#payloads[slot] = source.leafBytes(slot);
        return;
      case 'reference':
        this.#references |= slotBit(slot);
        this.#payloads[slot] = source.referenceBytes(slot);
        return;
      case 'parent':
        this.#parents |= slotBit(slot);
        this.copy(source, 2 * slot);
        this.copy(source, 2 * slot + 1);
    }
  }

  /** Returns the finished tile. */
  finish(): PrefixTile {
    const shape = { parents: this.#parents, leaves: this.#leaves, references: this.#references };
    return assembleTile(
      shape,
      select(this.#payloads, shape.leaves),
      select(this.#payloads, shape.references),
      select(this.#hashes, shape.parents | shape.leaves),
    );
  }
}

/** Selects the values at the slots of `mask`, by ascending slot. */
function select(values: readonly (Uint8Array | undefined)[], mask: number): Uint8Array[] {
  return values.filter((value, slot): value is Uint8Array => value !== undefined && (mask & slotBit(slot)) !== 0);
}
