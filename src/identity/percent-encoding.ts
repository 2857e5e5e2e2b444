import { decodeUtf8, encodeUtf8, parseHex } from '../core/encoding/bytes.ts';
import { refusal } from './name-characters.ts';

const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/**
 * Takes the percent-encoding off a URI's part (RFC 3986 §6.2.2.2). What it hides must be UTF-8, and in ASCII only what
 * needs no encoding: an encoded delimiter (`%2F`, `%40`) is refused, since it reads like the bare one and is another.
 * Throws `invalid-identity`.
 */
export function decodePercent(text: string): string {
  const decoded = text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, decodeRun);
  // A percent sign that is left stands before something else than two hex digits; an encoded one is refused above.
  if (decoded.includes('%')) throw refusal('holds a percent sign that starts no percent-encoding');
  return decoded;
}

/** Percent-encodes what is beyond ASCII as UTF-8, hex in upper case (RFC 3987 §3.1). */
export function encodePercent(text: string): string {
  return text.replaceAll(/[^\0-\x7f]+/gu, (run) =>
    Array.from(encodeUtf8(run), (byte) => `%${byte.toString(16).toUpperCase()}`).join(''),
  );
}

function decodeRun(run: string): string {
  let decoded: string;
  try {
    decoded = decodeUtf8(parseHex(run.replaceAll('%', '')));
  } catch {
    throw refusal('holds a percent-encoding that is not UTF-8');
  }
  for (const character of decoded) {
    if (character < '\x80' && !UNRESERVED.test(character)) throw refusal('holds a percent-encoded delimiter');
  }
  return decoded;
}
