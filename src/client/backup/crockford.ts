/** Crockford's base32: no I, L, O or U, so that people read and type it without mistaking one for another. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LOOK_ALIKES: Readonly<Record<string, string>> = { O: '0', I: '1', L: '1' };

/** Writes the first `5 * symbols` bits of `bytes`, in groups of four with hyphens between them. */
export function crockfordText(bytes: Uint8Array, symbols: number): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  const spare = BigInt(8 * bytes.length - 5 * symbols);
  const text = Array.from({ length: symbols }, (_, i) => {
    const shift = spare + 5n * BigInt(symbols - 1 - i);
    return ALPHABET[Number((bits >> shift) & 31n)];
  }).join('');
  return text.replaceAll(/.{4}(?=.)/g, '$&-');
}

/**
 * Reads `symbols` symbols as people type them: case, hyphens and spaces do not matter. Returns the bytes, the last one
 * filled up with zeros, or undefined if the text is not that.
 */
export function crockfordValues(typed: string, symbols: number): Uint8Array | undefined {
  if (typed.length > 4 * symbols) return undefined;
  const text = typed
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll(/[OIL]/g, (one) => LOOK_ALIKES[one] ?? one);
  if (text.length !== symbols) return undefined;
  let bits = 0n;
  for (const symbol of text) {
    const value = ALPHABET.indexOf(symbol);
    if (value < 0) return undefined;
    bits = (bits << 5n) | BigInt(value);
  }
  const length = Math.ceil((5 * symbols) / 8);
  bits <<= BigInt(8 * length - 5 * symbols);
  return Uint8Array.from({ length }, (_, i) => Number((bits >> BigInt(8 * (length - 1 - i))) & 255n));
}
