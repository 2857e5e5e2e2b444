import type fc from 'fast-check';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { type Codec, decode, encode } from '../../../src/core/encoding/codec.ts';

/** One way in which untrusted bytes are read. */
export interface Decoder {
  /** The function or codec as it is exported. */
  readonly name: string;
  /** What distinguishes it from others of the same name. */
  readonly variant?: string;
  /** Inputs that must be accepted. */
  readonly inputs: fc.Arbitrary<Uint8Array>;
  /** Reads an input; what it returns holds what was read, and writes it. Throws where the input is refused. */
  read(input: Uint8Array): () => Uint8Array;
  /** What a canonical input must be rewritten to. Default: the same bytes. */
  expected?(input: Uint8Array): Uint8Array;
  /** Codes of GlasskeyErrors, or names of other errors, by which input may be refused. */
  readonly refusals: readonly string[];
  /** Whether one value has one encoding; if not, a rewritten input must be read as it is. */
  readonly canonical: boolean;
  /** Whether no beginning of an accepted input, and nothing longer than it, is accepted. */
  readonly selfDelimiting: boolean;
}

/** Thrown for a parser that tells a refusal by returning undefined. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** The value, or {@link Refused} for undefined. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Refused();
  return value;
}

const LOSSY = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text that bytes are, with what is not UTF-8 replaced. */
export function lossyText(bytes: Uint8Array): string {
  return LOSSY.decode(bytes);
}

/** {@link Decoder.read} of what reads and what writes. */
export function reading<T>(read: (input: Uint8Array) => T, write: (value: T) => Uint8Array): Decoder['read'] {
  return (input) => {
    const value = read(input);
    return () => write(value);
  };
}

/** A codec: always canonical. */
export function ofCodec<T>(name: string, codec: Codec<T>, values: fc.Arbitrary<T>, variant?: string): Decoder {
  return {
    name,
    ...(variant !== undefined && { variant }),
    inputs: values.map((value) => encode(codec, value)),
    read: reading(
      (input) => decode(codec, input),
      (value) => encode(codec, value),
    ),
    refusals: ['malformed-encoding'],
    canonical: true,
    selfDelimiting: true,
  };
}

/** How a text is read and written. */
export interface TextFormat<T> {
  readonly name: string;
  readonly texts: fc.Arbitrary<string>;
  read(text: string): T;
  write(value: T): string;
  readonly refusals: readonly string[];
  readonly canonical: boolean;
}

/** A parser of text; bytes that are not UTF-8 reach it as replacement characters. */
export function ofText<T>(format: TextFormat<T>): Decoder {
  const { name, refusals, canonical } = format;
  return {
    name,
    inputs: format.texts.map(encodeUtf8),
    read: reading(
      (input) => format.read(lossyText(input)),
      (value) => encodeUtf8(format.write(value)),
    ),
    expected: (input) => encodeUtf8(lossyText(input)),
    refusals,
    canonical,
    selfDelimiting: false,
  };
}

/** A reader of a JSON value. */
export function ofJson<T>(format: {
  readonly name: string;
  readonly values: fc.Arbitrary<unknown>;
  read(value: unknown): T;
  write(value: T): unknown;
  readonly refusals: readonly string[];
}): Decoder {
  return ofText({
    name: format.name,
    texts: format.values.map((value) => JSON.stringify(value)),
    read: (text) => format.read(JSON.parse(text)),
    write: (value) => JSON.stringify(format.write(value)),
    refusals: [...format.refusals, 'SyntaxError'],
    canonical: false,
  });
}
