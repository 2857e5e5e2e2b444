/** Small helpers on byte strings. All are pure, and need nothing of the platform. */
import { decodeUtf8ByHand, encodeUtf8ByHand } from './utf8.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UTF8_ENCODER = typeof TextEncoder === 'undefined' ? undefined : new TextEncoder();
const UTF8_DECODER =
  typeof TextDecoder === 'undefined' ? undefined : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const BASE64 = encodeUtf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
/** The value of each ASCII character as a base64 digit. */
const BASE64_VALUES = new Uint8Array(128);
BASE64.forEach((character, value) => (BASE64_VALUES[character] = value));
const EQUALS_SIGN = 0x3d;

/** Formats `bytes` as lower-case hexadecimal. */
export function formatHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** Parses hexadecimal text of even length, in either case. Throws RangeError on anything else. */
export function parseHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new RangeError('not hexadecimal');
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (digitValue(text.charCodeAt(2 * i)) << 4) | digitValue(text.charCodeAt(2 * i + 1));
  }
  return bytes;
}

/** Returns the value of a hexadecimal digit. Letters have bit 6 set and count from 1 in the low bits. */
function digitValue(code: number): number {
  return (code & 0x0f) + 9 * (code >> 6);
}

/** Formats `bytes` as standard base64 with padding (RFC 4648 §4). */
export function formatBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  let end = 0;
  for (let i = 0; i < bytes.length; i += 3, end += 4) {
    // Bytes beyond the end count as zero.
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let j = 0; j < 4; j++) text[end + j] = BASE64[(group >> (18 - 6 * j)) & 63] ?? 0;
  }
  text.fill(EQUALS_SIGN, text.length - ((3 - (bytes.length % 3)) % 3));
  return decodeUtf8(text);
}

/** Decodes canonical standard base64 (padding present, unused bits zero). Throws RangeError on anything else. */
export function parseBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new RangeError('not base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const valueAt = (i: number): number => BASE64_VALUES[text.charCodeAt(i)] ?? 0;
  for (let i = 0, end = 0; i < text.length; i += 4, end += 3) {
    const group = (valueAt(i) << 18) | (valueAt(i + 1) << 12) | (valueAt(i + 2) << 6) | valueAt(i + 3);
    // Writes beyond the end do nothing.
    for (let j = 0; j < 3; j++) bytes[end + j] = group >> (16 - 8 * j);
  }
  // Unused bits are in the last group only.
  const last = bytes.subarray(3 * Math.max(0, Math.ceil(bytes.length / 3) - 1));
  if (formatBase64(last) !== text.slice(-4)) throw new RangeError('not canonical base64');
  return bytes;
}

/** Encodes as base64url without padding (RFC 4648 §5). */
export function formatBase64Url(bytes: Uint8Array): string {
  return formatBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Decodes canonical base64url without padding. Throws RangeError on anything else. */
export function parseBase64Url(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new RangeError('not base64url');
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  return parseBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '='));
}

/** Encodes `text` as UTF-8. */
export function encodeUtf8(text: string): Uint8Array {
  return UTF8_ENCODER === undefined ? encodeUtf8ByHand(text) : UTF8_ENCODER.encode(text);
}

/** Decodes valid UTF-8. Throws TypeError on anything else. */
export function decodeUtf8(bytes: Uint8Array): string {
  return UTF8_DECODER === undefined ? decodeUtf8ByHand(bytes) : UTF8_DECODER.decode(bytes);
}

/** Decodes text that somebody else checks: if it is no UTF-8, every byte beyond ASCII becomes a question mark. */
export function decodeLossyUtf8(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    return decodeUtf8(bytes.map((byte) => (byte < 0x80 ? byte : 0x3f)));
  }
}

/** Concatenates byte strings. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Returns true if two byte strings are equal. For public values only: it stops at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Compares byte strings lexicographically: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
