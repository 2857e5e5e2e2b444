import { GlasskeyError } from '../errors.ts';

/** Appends big-endian integers and byte strings to a growing buffer. */
export class ByteWriter {
  #buffer = new Uint8Array(256);
  #length = 0;

  /** Appends an unsigned big-endian integer of `width` bytes. Throws `value-out-of-range`. */
  uint(width: 1 | 2 | 4, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * width)) {
      throw new GlasskeyError('value-out-of-range', `${value} does not fit in ${width} bytes`);
    }
    const offset = this.#reserve(width);
    for (let i = 0; i < width; i++) this.#buffer[offset + i] = Math.floor(value / 2 ** (8 * (width - 1 - i))) % 256;
  }

  /** Appends a uint64. Throws `value-out-of-range` above 2^53-1. */
  uint64(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new GlasskeyError('value-out-of-range', `${value} is not an integer in 0..2^53-1`);
    }
    this.uint(4, Math.floor(value / 2 ** 32));
    this.uint(4, value % 2 ** 32);
  }

  /** Appends bytes as they are. */
  bytes(value: Uint8Array): void {
    const offset = this.#reserve(value.length);
    this.#buffer.set(value, offset);
  }

  /** Returns a copy of everything written so far. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #reserve(count: number): number {
    const offset = this.#length;
    this.#length += count;
    if (this.#length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#buffer.length));
      grown.set(this.#buffer.subarray(0, offset));
      this.#buffer = grown;
    }
    return offset;
  }
}
