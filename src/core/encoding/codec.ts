import { decodeError, GlasskeyError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/**
 * The encoding of one type in the TLS presentation language, as KT §2.1 uses it.
 *
 * A codec accepts canonical encodings only: for every byte string `b` that {@link decode} accepts, `encode(decode(b))`
 * equals `b`.
 */
export interface Codec<T> {
  /** Appends `value`. Throws `value-out-of-range` if the type cannot hold it. */
  write(writer: ByteWriter, value: T): void;
  /** Reads one value from untrusted bytes. Throws `malformed-encoding`. */
  read(reader: ByteReader): T;
}

/** Encodes `value`. Throws `value-out-of-range` if the type cannot hold it. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new ByteWriter();
  codec.write(writer, value);
  return writer.finish();
}

/** Decodes untrusted `bytes` and requires that all of them are consumed. Throws `malformed-encoding`. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new ByteReader(bytes);
  const value = codec.read(reader);
  reader.assertEnd();
  return value;
}

function uint(width: 1 | 2 | 4): Codec<number> {
  return {
    write: (writer, value) => writer.uint(width, value),
    read: (reader) => reader.uint(width),
  };
}

export const uint8: Codec<number> = uint(1);
export const uint16: Codec<number> = uint(2);
export const uint32: Codec<number> = uint(4);

/** A uint64 as a JavaScript number. Both directions refuse values above 2^53-1, the greatest exact integer. */
export const uint64: Codec<number> = {
  write: (writer, value) => writer.uint64(value),
  read: (reader) => reader.uint64(),
};

/** `opaque name[length]`. */
export function fixedBytes(length: number): Codec<Uint8Array> {
  return {
    write: (writer, value) => {
      if (value.length !== length) throw outOfRange(`expected ${length} bytes, got ${value.length}`);
      writer.bytes(value);
    },
    read: (reader) => reader.bytes(length),
  };
}

/** Returns the width of a length prefix for at most `maximum` elements. */
function prefixWidth(maximum: number): 1 | 2 | 4 {
  if (maximum <= 0xff) return 1;
  if (maximum <= 0xffff) return 2;
  return 4;
}

/** `opaque name<minimum..maximum>`. */
export function bytes(minimum: number, maximum: number): Codec<Uint8Array> {
  const width = prefixWidth(maximum);
  return {
    write: (writer, value) => {
      assertCount(value.length, minimum, maximum);
      writer.uint(width, value.length);
      writer.bytes(value);
    },
    read: (reader) => reader.bytes(readCount(reader, width, minimum, maximum)),
  };
}

/** `T name<minimum..maximum>`; the prefix counts elements, not bytes (KT §2.1.2). */
export function vector<T>(element: Codec<T>, minimum: number, maximum: number): Codec<readonly T[]> {
  const width = prefixWidth(maximum);
  return {
    write: (writer, values) => {
      assertCount(values.length, minimum, maximum);
      writer.uint(width, values.length);
      for (const value of values) element.write(writer, value);
    },
    read: (reader) => {
      const count = readCount(reader, width, minimum, maximum);
      const values: T[] = [];
      for (let i = 0; i < count; i++) {
        const before = reader.remaining;
        values.push(element.read(reader));
        if (reader.remaining === before && count > 1024) throw decodeError('vector of empty elements');
      }
      return values;
    },
  };
}

/** `optional<T>` (KT §2.1.1): absent is `undefined`. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    write: (writer, value) => {
      writer.uint(1, value === undefined ? 0 : 1);
      if (value !== undefined) codec.write(writer, value);
    },
    read: (reader) => {
      const present = reader.uint(1);
      if (present > 1) throw decodeError('presence octet is neither 0 nor 1');
      return present === 1 ? codec.read(reader) : undefined;
    },
  };
}

/** A number that must be one of `values`, encoded as a uint8 or uint16. */
export function enumeration<const T extends number>(values: readonly T[], width: 1 | 2 = 1): Codec<T> {
  return {
    write: (writer, value) => writer.uint(width, value),
    read: (reader) => {
      const value = reader.uint(width);
      const known = values.find((candidate) => candidate === value);
      if (known === undefined) throw decodeError(`unknown enumeration value ${value}`);
      return known;
    },
  };
}

/** A struct: its fields in the order given. */
export function struct<T extends object>(fields: { readonly [K in keyof T]-?: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    write: (writer, value) => {
      for (const name of names) fields[name].write(writer, value[name]);
    },
    read: (reader) => {
      const value: Partial<T> = {};
      for (const name of names) value[name] = fields[name].read(reader);
      return value as T;
    },
  };
}

function readCount(reader: ByteReader, width: 1 | 2 | 4, minimum: number, maximum: number): number {
  const count = reader.uint(width);
  if (count < minimum || count > maximum) throw decodeError(`vector length ${count} not in ${minimum}..${maximum}`);
  return count;
}

function assertCount(count: number, minimum: number, maximum: number): void {
  if (count < minimum || count > maximum) throw outOfRange(`length ${count} not in ${minimum}..${maximum}`);
}

function outOfRange(message: string): GlasskeyError {
  return new GlasskeyError('value-out-of-range', message);
}
