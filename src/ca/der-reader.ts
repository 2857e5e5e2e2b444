import { decodeError } from '../core/errors.ts';

/** The tags of DER that certificates and requests use (X.690 §8.1.2). */
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

/** One DER value: its identifier octet, its contents, and both with the length as they stood in the input. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly raw: Uint8Array;
}

/**
 * Reads DER values one after the other (X.690 §10): definite lengths in the fewest octets, tags below 31. Input is
 * untrusted; nothing is copied and nothing recurses, so the cost is that of the values that the caller asks for.
 * Every method throws `malformed-encoding`.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether everything has been read. */
  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The identifier octet of the next value; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** The next value, of the given tag if one is named. */
  read(tag?: number): DerElement {
    const start = this.#offset;
    const found = this.#byte();
    if ((found & 0x1f) === 0x1f) throw decodeError('DER tag above 30');
    if (tag !== undefined && found !== tag) throw decodeError(`DER tag ${found} where ${tag} belongs`);
    const length = this.#length();
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw decodeError('truncated DER value');
    const content = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return { tag: found, content, raw: this.#bytes.subarray(start, end) };
  }

  /** The next value if it has this tag, else undefined. */
  optional(tag: number): DerElement | undefined {
    return this.nextTag === tag ? this.read(tag) : undefined;
  }

  /** A reader of the contents of the next value, which must have this tag (SEQUENCE unless told otherwise). */
  enter(tag: number = DerTag.sequence): DerReader {
    return new DerReader(this.read(tag).content);
  }

  /** Asserts that everything has been read. */
  end(): void {
    if (!this.done) throw decodeError('trailing bytes after a DER value');
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset];
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

/** The one DER value that `bytes` (untrusted) is, with nothing behind it. Throws `malformed-encoding`. */
export function readSingle(bytes: Uint8Array, tag: number = DerTag.sequence): DerElement {
  const reader = new DerReader(bytes);
  const element = reader.read(tag);
  reader.end();
  return element;
}
