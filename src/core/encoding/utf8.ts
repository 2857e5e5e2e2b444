/** The replacement character for what is no UTF-8, and for half a surrogate pair. */
const REPLACEMENT = 0xfffd;

/** Encodes `text` as UTF-8 without the platform: React Native has had no `TextEncoder`. */
export function encodeUtf8ByHand(text: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const character of text) {
    const found = character.codePointAt(0) ?? 0;
    const point = found >= 0xd800 && found <= 0xdfff ? REPLACEMENT : found;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), tail(point, 0));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), tail(point, 6), tail(point, 0));
    else bytes.push(0xf0 | (point >> 18), tail(point, 12), tail(point, 6), tail(point, 0));
  }
  return Uint8Array.from(bytes);
}

/** A byte that continues a sequence, of the six bits from `shift` up. */
function tail(point: number, shift: number): number {
  return 0x80 | ((point >> shift) & 0x3f);
}

/** The least code point of a sequence of 2, 3 and 4 bytes: a smaller one has a shorter encoding. */
const LEAST_POINTS = [0, 0, 0x80, 0x800, 0x10000];

/** Decodes valid UTF-8 without the platform. Throws TypeError on anything else. */
export function decodeUtf8ByHand(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    let point = length === 1 ? first : first & (0x7f >> length);
    for (const byte of bytes.subarray(at + 1, at + length)) point = byte >> 6 === 2 ? (point << 6) | (byte & 0x3f) : -1;
    const isWhole = at + length <= bytes.length && (first < 0x80 || (first >= 0xc2 && first <= 0xf4));
    const isPoint = point >= (LEAST_POINTS[length] ?? 0) && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    if (!isWhole || !isPoint) throw new TypeError('not UTF-8');
    parts.push(String.fromCodePoint(point));
    at += length;
  }
  return parts.join('');
}
