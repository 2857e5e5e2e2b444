/** Flags of a compression (BLAKE3 §2.2): the first and the last block of a chunk, and the root of the tree. */
const CHUNK_START = 1;
const CHUNK_END_AND_ROOT = 2 | 8;

const BLOCK_BYTES = 64;

/** The initial chaining value (BLAKE3 §2.1). */
const IV = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/**
 * BLAKE3 of short inputs, hashed in place: a caller fills {@link input} and names its length. An input of one chunk
 * needs no tree, and the tree of a key directory hashes nothing longer.
 */
export class ShortBlake3 {
  /** The bytes to hash, from the start. Bytes beyond the length that is hashed are lost. */
  readonly input: DataView;
  readonly #bytes: Uint8Array;
  readonly #chaining = new Int32Array(8);

  /** Takes the most bytes that an input has, 1 to 1,024. Throws RangeError for another number. */
  constructor(maximum: number) {
    if (!(maximum >= 1 && maximum <= 1024)) throw new RangeError('BLAKE3 of one chunk takes 1 to 1024 bytes');
    this.#bytes = new Uint8Array(Math.ceil(maximum / BLOCK_BYTES) * BLOCK_BYTES);
    this.input = new DataView(this.#bytes.buffer);
  }

  /** Writes the 32-byte hash of the first `length` bytes of {@link input} to `out`, which may be the input. */
  hash(length: number, out: DataView, offset: number): void {
    const chaining = this.#chaining;
    chaining.set(IV);
    const last = Math.max(0, Math.ceil(length / BLOCK_BYTES) - 1);
    const end = (last + 1) * BLOCK_BYTES;
    if (length < end) this.#bytes.fill(0, length, end);
    for (let block = 0; block <= last; block++) {
      const flags = (block === 0 ? CHUNK_START : 0) | (block === last ? CHUNK_END_AND_ROOT : 0);
      const start = block * BLOCK_BYTES;
      compress(chaining, this.input, start, Math.min(length - start, BLOCK_BYTES), flags);
    }
    for (let i = 0; i < 8; i++) out.setInt32(offset + 4 * i, chaining[i] as number, true);
  }
}

/**
 * Compresses one block into the chaining value (BLAKE3 §2.2). State and message are local variables, not arrays: that
 * is what makes it several times as fast as a general implementation.
 */
function compress(chaining: Int32Array, block: DataView, at: number, blockLength: number, flags: number): void {
  let m0 = block.getInt32(at + 0, true);
  let m1 = block.getInt32(at + 4, true);
  let m2 = block.getInt32(at + 8, true);
  let m3 = block.getInt32(at + 12, true);
  let m4 = block.getInt32(at + 16, true);
  let m5 = block.getInt32(at + 20, true);
  let m6 = block.getInt32(at + 24, true);
  let m7 = block.getInt32(at + 28, true);
  let m8 = block.getInt32(at + 32, true);
  let m9 = block.getInt32(at + 36, true);
  let m10 = block.getInt32(at + 40, true);
  let m11 = block.getInt32(at + 44, true);
  let m12 = block.getInt32(at + 48, true);
  let m13 = block.getInt32(at + 52, true);
  let m14 = block.getInt32(at + 56, true);
  let m15 = block.getInt32(at + 60, true);
  let v0 = chaining[0] as number;
  let v1 = chaining[1] as number;
  let v2 = chaining[2] as number;
  let v3 = chaining[3] as number;
  let v4 = chaining[4] as number;
  let v5 = chaining[5] as number;
  let v6 = chaining[6] as number;
  let v7 = chaining[7] as number;
  let v8 = IV[0] as number;
  let v9 = IV[1] as number;
  let v10 = IV[2] as number;
  let v11 = IV[3] as number;
  // The counter of a chunk without a tree is 0.
  let v12 = 0;
  let v13 = 0;
  let v14 = blockLength;
  let v15 = flags;
  for (let round = 0; ; round++) {
    v0 = (v0 + v4 + m0) | 0;
    v12 ^= v0;
    v12 = (v12 >>> 16) | (v12 << 16);
    v8 = (v8 + v12) | 0;
    v4 ^= v8;
    v4 = (v4 >>> 12) | (v4 << 20);
    v0 = (v0 + v4 + m1) | 0;
    v12 ^= v0;
    v12 = (v12 >>> 8) | (v12 << 24);
    v8 = (v8 + v12) | 0;
    v4 ^= v8;
    v4 = (v4 >>> 7) | (v4 << 25);
    v1 = (v1 + v5 + m2) | 0;
    v13 ^= v1;
    v13 = (v13 >>> 16) | (v13 << 16);
    v9 = (v9 + v13) | 0;
    v5 ^= v9;
    v5 = (v5 >>> 12) | (v5 << 20);
    v1 = (v1 + v5 + m3) | 0;
    v13 ^= v1;
    v13 = (v13 >>> 8) | (v13 << 24);
    v9 = (v9 + v13) | 0;
    v5 ^= v9;
    v5 = (v5 >>> 7) | (v5 << 25);
    v2 = (v2 + v6 + m4) | 0;
    v14 ^= v2;
    v14 = (v14 >>> 16) | (v14 << 16);
    v10 = (v10 + v14) | 0;
    v6 ^= v10;
    v6 = (v6 >>> 12) | (v6 << 20);
    v2 = (v2 + v6 + m5) | 0;
    v14 ^= v2;
    v14 = (v14 >>> 8) | (v14 << 24);
    v10 = (v10 + v14) | 0;
    v6 ^= v10;
    v6 = (v6 >>> 7) | (v6 << 25);
    v3 = (v3 + v7 + m6) | 0;
    v15 ^= v3;
    v15 = (v15 >>> 16) | (v15 << 16);
    v11 = (v11 + v15) | 0;
    v7 ^= v11;
    v7 = (v7 >>> 12) | (v7 << 20);
    v3 = (v3 + v7 + m7) | 0;
    v15 ^= v3;
    v15 = (v15 >>> 8) | (v15 << 24);
    v11 = (v11 + v15) | 0;
    v7 ^= v11;
    v7 = (v7 >>> 7) | (v7 << 25);
    v0 = (v0 + v5 + m8) | 0;
    v15 ^= v0;
    v15 = (v15 >>> 16) | (v15 << 16);
    v10 = (v10 + v15) | 0;
    v5 ^= v10;
    v5 = (v5 >>> 12) | (v5 << 20);
    v0 = (v0 + v5 + m9) | 0;
    v15 ^= v0;
    v15 = (v15 >>> 8) | (v15 << 24);
    v10 = (v10 + v15) | 0;
    v5 ^= v10;
    v5 = (v5 >>> 7) | (v5 << 25);
    v1 = (v1 + v6 + m10) | 0;
    v12 ^= v1;
    v12 = (v12 >>> 16) | (v12 << 16);
    v11 = (v11 + v12) | 0;
    v6 ^= v11;
    v6 = (v6 >>> 12) | (v6 << 20);
    v1 = (v1 + v6 + m11) | 0;
    v12 ^= v1;
    v12 = (v12 >>> 8) | (v12 << 24);
    v11 = (v11 + v12) | 0;
    v6 ^= v11;
    v6 = (v6 >>> 7) | (v6 << 25);
    v2 = (v2 + v7 + m12) | 0;
    v13 ^= v2;
    v13 = (v13 >>> 16) | (v13 << 16);
    v8 = (v8 + v13) | 0;
    v7 ^= v8;
    v7 = (v7 >>> 12) | (v7 << 20);
    v2 = (v2 + v7 + m13) | 0;
    v13 ^= v2;
    v13 = (v13 >>> 8) | (v13 << 24);
    v8 = (v8 + v13) | 0;
    v7 ^= v8;
    v7 = (v7 >>> 7) | (v7 << 25);
    v3 = (v3 + v4 + m14) | 0;
    v14 ^= v3;
    v14 = (v14 >>> 16) | (v14 << 16);
    v9 = (v9 + v14) | 0;
    v4 ^= v9;
    v4 = (v4 >>> 12) | (v4 << 20);
    v3 = (v3 + v4 + m15) | 0;
    v14 ^= v3;
    v14 = (v14 >>> 8) | (v14 << 24);
    v9 = (v9 + v14) | 0;
    v4 ^= v9;
    v4 = (v4 >>> 7) | (v4 << 25);
    if (round === 6) break;
    // The message words of the next round (BLAKE3 §2.2, table 2), one cycle of the permutation after the other.
    const first0 = m0;
    m0 = m2;
    m2 = m3;
    m3 = m10;
    m10 = m12;
    m12 = m9;
    m9 = m11;
    m11 = m5;
    m5 = first0;
    const first1 = m1;
    m1 = m6;
    m6 = m4;
    m4 = m7;
    m7 = m13;
    m13 = m14;
    m14 = m15;
    m15 = m8;
    m8 = first1;
  }
  chaining[0] = v0 ^ v8;
  chaining[1] = v1 ^ v9;
  chaining[2] = v2 ^ v10;
  chaining[3] = v3 ^ v11;
  chaining[4] = v4 ^ v12;
  chaining[5] = v5 ^ v13;
  chaining[6] = v6 ^ v14;
  chaining[7] = v7 ^ v15;
}
