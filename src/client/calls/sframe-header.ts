import { decodeError, ensure } from '../../core/errors.ts';

/** The header of an SFrame ciphertext (RFC 9605 §4.3). */
export interface SframeHeader {
  /** The key id, 0 to 2^64-1. */
  readonly kid: bigint;
  /** The counter, 0 to 2^64-1. */
  readonly ctr: bigint;
  /** Bytes that the header takes: 1 to 17. */
  readonly length: number;
}

const EXTENDED = 0b1000;
const MAX_VALUE = 2n ** 64n - 1n;

/** Encodes a header (RFC 9605 §4.3). Throws `value-out-of-range` unless both values are in 0..2^64-1. */
export function encodeSframeHeader(kid: bigint, ctr: bigint): Uint8Array {
  const [keyBits, keyBytes] = encodeField(kid);
  const [counterBits, counterBytes] = encodeField(ctr);
  return Uint8Array.of((keyBits << 4) | counterBits, ...keyBytes, ...counterBytes);
}

/**
 * Reads the header at the beginning of untrusted bytes. Throws `malformed-encoding` if they end within it, or if a
 * value takes more bytes than it needs.
 */
export function decodeSframeHeader(frame: Uint8Array): SframeHeader {
  const config = frame[0];
  if (config === undefined) throw decodeError('an empty frame');
  const key = decodeField(frame, 1, config >> 4);
  const counter = decodeField(frame, key.end, config & 0b1111);
  return { kid: key.value, ctr: counter.value, length: counter.end };
}

/** Returns the four bits in the config byte, and the bytes after it. */
function encodeField(value: bigint): readonly [number, readonly number[]] {
  ensure(value >= 0n && value <= MAX_VALUE, 'value-out-of-range', 'a key id or counter of SFrame has 64 bits');
  if (value < BigInt(EXTENDED)) return [Number(value), []];
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return [EXTENDED | (bytes.length - 1), bytes];
}

function decodeField(frame: Uint8Array, start: number, bits: number): { readonly value: bigint; readonly end: number } {
  if (bits < EXTENDED) return { value: BigInt(bits), end: start };
  const end = start + (bits & 0b111) + 1;
  if (end > frame.length) throw decodeError('a frame that ends within its header');
  let value = 0n;
  for (let i = start; i < end; i++) value = (value << 8n) | BigInt(frame[i] as number);
  const isMinimal = frame[start] !== 0 && value >= BigInt(EXTENDED);
  if (!isMinimal) throw decodeError('a header that is longer than it has to be');
  return { value, end };
}
