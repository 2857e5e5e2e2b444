import { decodeError } from '../../core/errors.ts';

/** DER tags in certificates and requests (X.690 §8.1.2). */
export const DerTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One DER value. Creates its views of the input lazily, because most values are only passed on or entered. */
export class DerElement {
  /** The identifier octet. */
  readonly tag: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #contentStart: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, tag: number, start: number, contentStart: number, end: number) {
    this.tag = tag;
    this.#bytes = bytes;
    this.#start = start;
    this.#contentStart = contentStart;
    this.#end = end;
  }

  /** The contents, as they are in the input. */
  get content(): Uint8Array {
    return this.#bytes.subarray(this.#contentStart, this.#end);
  }

  /** Identifier, length and contents, as they are in the input. */
  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** Returns a reader of the contents. */
  get values(): DerReader {
    return new DerReader(this.#bytes, this.#contentStart, this.#end);
  }
}

/**
 * Reads DER values one after the other (X.690 §10): definite lengths in the fewest octets, tags below 31. Input is
 * untrusted. The reader copies nothing and does not recurse, so that the cost is that of the values that the caller
 * reads. Every method throws `malformed-encoding`.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #offset: number;

  /** Reads the values in `bytes` from `start` up to `end`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#offset = start;
    this.#end = end;
  }

  /** True at the end. */
  get done(): boolean {
    return this.#offset === this.#end;
  }

  /** The identifier octet of the next value; undefined at the end. */
  get nextTag(): number | undefined {
    return this.done ? undefined : this.#bytes[this.#offset];
  }

  /** Reads the next value, which must have the given tag if there is one. */
  read(tag?: number): DerElement {
    const start = this.#offset;
    const found = this.#byte();
    if ((found & 0x1f) === 0x1f) throw decodeError('DER tag above 30');
    if (tag !== undefined && found !== tag) throw decodeError(`DER tag ${found} where ${tag} belongs`);
    const length = this.#length();
    const contentStart = this.#offset;
    const end = contentStart + length;
    if (end > this.#end) throw decodeError('truncated DER value');
    this.#offset = end;
    return new DerElement(this.#bytes, found, start, contentStart, end);
  }

  /** Reads the next value if it has this tag, else returns undefined. */
  optional(tag: number): DerElement | undefined {
    return this.nextTag === tag ? this.read(tag) : undefined;
  }

  /** Returns a reader of the contents of the next value, which must have this tag (default: SEQUENCE). */
  enter(tag: number = DerTag.sequence): DerReader {
    return this.read(tag).values;
  }

  /** Asserts that the reader is at its end. */
  end(): void {
    if (!this.done) throw decodeError('trailing bytes after a DER value');
  }

  #byte(): number {
    const byte = this.nextTag;
    if (byte === undefined) throw decodeError('truncated DER value');
    this.#offset += 1;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const octets = first & 0x7f;
    if (octets === 0 || octets > 3) throw decodeError('DER length that is indefinite or too large');
    let length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (octets - 1)) throw decodeError('DER length not in its shortest form');
    return length;
  }
}

/** Reads the one DER value in `bytes` (untrusted), with no trailing bytes. Throws `malformed-encoding`. */
export function readSingle(bytes: Uint8Array, tag: number = DerTag.sequence): DerElement {
  const reader = new DerReader(bytes);
  const element = reader.read(tag);
  reader.end();
  return element;
}
