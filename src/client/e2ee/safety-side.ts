import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { compareBytes, encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { bytes, encode, fixedBytes, struct, vector } from '../../core/encoding/codec.ts';
import { MAX_CERTIFICATES } from '../../identity/identity-record.ts';
import { shortText } from '../../identity/text-codec.ts';
import { SAFETY_WORDS } from './safety-words.ts';

/** A name and the keys of all its devices, as a safety number covers them. */
export interface SafetySide {
  /** The log's origin. */
  readonly origin: string;
  readonly label: Uint8Array;
  /** Names of keys with their companion keys (`certifiedKeysHash`), ascending, each once. */
  readonly keys: readonly Uint8Array[];
}

/** The fingerprint of one side, in three forms. */
export interface SideFingerprint {
  /** 30 digits: six groups of five. */
  readonly digits: readonly string[];
  /** 12 words. */
  readonly words: readonly string[];
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

const SALT = encodeUtf8('glasskey safety number v1\0');
/** Makes each guess 2^13 times as dear as a hash: worth it where people compare only a part. */
const ITERATIONS = 4096;
const GROUPS = 6;
const WORDS_FROM = 32;
const WORDS = 12;

const sideCodec = struct<SafetySide>({
  origin: shortText,
  label: bytes(1, 255),
  keys: vector(fixedBytes(32), 1, MAX_CERTIFICATES),
});

/** Returns the names of keys in the order of a {@link SafetySide}, each once. */
export function keySet(certificates: readonly { readonly keysSha256: Uint8Array }[]): readonly Uint8Array[] {
  const distinct = new Map(certificates.map(({ keysSha256 }) => [formatHex(keysSha256), keysSha256]));
  return [...distinct.values()].toSorted(compareBytes);
}

/** Computes the fingerprint of one side (docs/spec.md#safety-numbers). Takes some hundredths of a second. */
export function sideFingerprint(side: SafetySide): SideFingerprint {
  const derived = pbkdf2(sha512, encode(sideCodec, side), SALT, { c: ITERATIONS, dkLen: 64 });
  const digits = Array.from({ length: GROUPS }, (_, i) => groupOf(derived.subarray(i * 5, i * 5 + 5)));
  const words = [...derived.subarray(WORDS_FROM, WORDS_FROM + WORDS)].map((byte) => SAFETY_WORDS[byte] as string);
  return { digits, words, hash: derived.slice(0, 32) };
}

/** Five digits of five bytes. */
function groupOf(five: Uint8Array): string {
  const number = five.reduce((sum, byte) => sum * 256 + byte, 0);
  return String(number % 100_000).padStart(5, '0');
}
