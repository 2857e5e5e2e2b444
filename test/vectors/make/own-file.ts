import { formatHex } from '../../../src/core/encoding/bytes.ts';

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** One case: what a decoder or verifier is given, and what it must give, or the code with which it must refuse. */
export interface OwnCase {
  readonly name: string;
  readonly input: { readonly [name: string]: Json };
  readonly expect: { readonly [name: string]: Json };
}

/** A file of vectors for one of our formats. */
export interface OwnFile {
  readonly primitive: string;
  /** What each field means. */
  readonly notes: readonly string[];
  readonly cases: readonly OwnCase[];
}

/** A case that must be refused with this code. */
export function refused(name: string, input: OwnCase['input'], code: string): OwnCase {
  return { name, input, expect: { code } };
}

/** Bytes as vectors have them. */
export const hex = formatHex;

/** `bytes` with one bit flipped. */
export function withFlippedBit(bytes: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

/** A text of the form `prefix:base64url` whose first byte, its format, is 2. */
export function withFormat2(text: string): string {
  const [prefix = '', encoded = ''] = text.split(':');
  const bytes = Buffer.from(encoded, 'base64url');
  return `${prefix}:${Buffer.concat([Buffer.of(2), bytes.subarray(1)]).toString('base64url')}`;
}
