import { decodeError } from '../core/errors.ts';

/** Reads the few kinds of protobuf fields that audit proofs have, at a position in untrusted bytes. */
export class ProtobufCursor {
  readonly #bytes: Uint8Array;
  /** The offset of the next byte. */
  position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes;
    this.position = position;
  }

  /**
   * Reads a varint below 2^32 that ends before `end`. Throws `malformed-encoding` for one that is longer than need be:
   * every number has one encoding.
   */
  varint(end: number): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      if (this.position >= end) throw decodeError('the protobuf ends inside a number');
      const byte = this.#bytes[this.position++] as number;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        const isMinimal = i === 0 || byte !== 0;
        if (!isMinimal || value > 0xffffffff) throw decodeError('a protobuf number is not in its shortest form');
        return value;
      }
    }
    throw decodeError('a protobuf number is longer than 32 bits');
  }

  /** Reads the length of a field of bytes, and returns where it ends. Throws `malformed-encoding` if after `end`. */
  fieldEnd(end: number): number {
    const length = this.varint(end);
    if (length > end - this.position) throw decodeError('a protobuf field is longer than what holds it');
    return this.position + length;
  }

  /** Throws `malformed-encoding` unless a field that was read ends where it said. */
  assertAt(end: number): void {
    if (this.position !== end) throw decodeError('a protobuf field does not end where it says');
  }
}

/** The tag of a field of bytes or of a message: wire type 2. */
export const bytesTag = (field: number): number => (field << 3) | 2;

/** The tag of a number: wire type 0. */
export const varintTag = (field: number): number => field << 3;
