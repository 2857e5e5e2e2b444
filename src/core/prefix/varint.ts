import { assertTile } from './tile-shape.ts';

/** Bytes that are read one after the other. */
export interface VarintCursor {
  readonly bytes: Uint8Array;
  offset: number;
}

/** Appends an integer (0..2^53-1) in groups of seven bits, lowest first; all but the last group have the top bit. */
export function writeVarint(to: number[], value: number): void {
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) to.push((left % 0x80) | 0x80);
  to.push(left);
}

/** Reads an integer as {@link writeVarint} writes it. Throws `storage-corrupt` for any other encoding. */
export function readVarint(cursor: VarintCursor): number {
  let value = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = cursor.bytes[cursor.offset++];
    assertTile(byte !== undefined, 'wrong length');
    value += (byte & 0x7f) * scale;
    assertTile(Number.isSafeInteger(value), 'number above 2^53-1');
    if (byte >= 0x80) continue;
    assertTile(byte !== 0 || scale === 1, 'number with a leading zero');
    return value;
  }
}
