import { decodeError } from '../errors.ts';

/** Reads big-endian integers and byte strings from untrusted bytes. Every method throws `malformed-encoding`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The number of bytes not yet consumed. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Reads an unsigned big-endian integer of `width` bytes. */
  uint(width: 1 | 2 | 4): number {
    const offset = this.#take(width);
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (this.#bytes[offset + i] as number);
    return value;
  }

  /** Reads a uint64 of at most 2^53-1. */
  uint64(): number {
    const value = this.uint(4) * 2 ** 32 + this.uint(4);
    if (!Number.isSafeInteger(value)) throw decodeError('integer above 2^53-1');
    return value;
  }

  /** Reads `length` bytes and returns a copy. */
  bytes(length: number): Uint8Array {
    const offset = this.#take(length);
    return this.#bytes.slice(offset, offset + length);
  }

  /** Throws unless every byte has been consumed. */
  assertEnd(): void {
    if (this.remaining !== 0) throw decodeError(`${this.remaining} trailing bytes`);
  }

  #take(count: number): number {
    if (count > this.remaining) throw decodeError(`expected ${count} more bytes, have ${this.remaining}`);
    const offset = this.#offset;
    this.#offset += count;
    return offset;
  }
}
