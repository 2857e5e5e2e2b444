import { ByteReader } from '../../core/encoding/byte-reader.ts';
import { decodeUtf8 } from '../../core/encoding/bytes.ts';
import { decodeError } from '../../core/errors.ts';

/** Major types of CBOR (RFC 8949 §3.1). */
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;

/** Lengths below this one are in the first byte. */
const ONE_BYTE = 24;
const TWO_BYTES = 25;

/**
 * Reads the part of CBOR that attestation objects use, from untrusted bytes: byte and text strings, arrays and maps of
 * definite lengths below 65,536 in their shortest form (RFC 8949 §4.2.1). The caller says what comes next, so nothing
 * is nested deeper than the caller reads. Every method throws `malformed-encoding`.
 */
export class CborReader {
  readonly #reader: ByteReader;

  constructor(bytes: Uint8Array) {
    this.#reader = new ByteReader(bytes);
  }

  /** Reads a byte string of 1 to `maximum` bytes. */
  bytes(maximum: number): Uint8Array {
    return this.#reader.bytes(this.#length(BYTES, maximum));
  }

  /** Reads a text string of 1 to `maximum` bytes of UTF-8. */
  text(maximum: number): string {
    const bytes = this.#reader.bytes(this.#length(TEXT, maximum));
    try {
      return decodeUtf8(bytes);
    } catch (cause) {
      throw decodeError('a text of CBOR is not UTF-8', cause);
    }
  }

  /** Reads the head of an array of 1 to `maximum` elements, and returns their number. */
  arrayLength(maximum: number): number {
    return this.#length(ARRAY, maximum);
  }

  /** Reads the head of a map of 1 to `maximum` entries, and returns their number. */
  mapLength(maximum: number): number {
    return this.#length(MAP, maximum);
  }

  /** Reads the key of an entry. */
  key(name: string): void {
    if (this.text(name.length) !== name) throw decodeError(`expected the key ${name}`);
  }

  /** Throws unless every byte has been read. */
  assertEnd(): void {
    this.#reader.assertEnd();
  }

  #length(type: number, maximum: number): number {
    const head = this.#reader.uint(1);
    if (head >> 5 !== type) throw decodeError(`expected the major type ${type} of CBOR`);
    const length = this.#argument(head & 0x1f);
    if (length < 1 || length > maximum) throw decodeError(`a length of CBOR that is not 1 to ${maximum}`);
    return length;
  }

  #argument(short: number): number {
    if (short < ONE_BYTE) return short;
    // Longer forms are for lengths that no bound here allows, and 31 is an indefinite length.
    if (short > TWO_BYTES) throw decodeError('a length of CBOR that is indefinite or too long');
    const [width, minimum] = short === ONE_BYTE ? ([1, ONE_BYTE] as const) : ([2, 0x100] as const);
    const length = this.#reader.uint(width);
    if (length < minimum) throw decodeError('a length of CBOR that is not in its shortest form');
    return length;
  }
}
