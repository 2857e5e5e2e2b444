/** Bytes that WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Writes bytes as base64. */
export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 8_192) parts.push(String.fromCodePoint(...bytes.subarray(at, at + 8_192)));
  return btoa(parts.join(''));
}

/** Reads base64. Throws for other text. */
export function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.codePointAt(0) ?? 0);
}

/** Writes bytes as lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The UTF-8 of a text. */
export const utf8 = (text: string): Bytes => new Uint8Array(new TextEncoder().encode(text));

/** SHA-256. */
export async function sha256(bytes: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)));
}

/** Id of a device: the SHA-256 of its public key, as the log's certificates have it in `spkiSha256`. */
export async function deviceIdOf(key: { readonly spki: Uint8Array }): Promise<string> {
  return toHex(await sha256(key.spki));
}
