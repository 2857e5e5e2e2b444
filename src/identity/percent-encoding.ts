import { decodeUtf8, encodeUtf8, parseHex } from '../core/encoding/bytes.ts';
import { refusal } from './name-characters.ts';

const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/**
 * Decodes the percent-encoding in a part of a URI (RFC 3986 §6.2.2.2). The decoded bytes must be UTF-8. In ASCII, only
 * unreserved characters may be encoded: an encoded delimiter (`%2F`, `%40`) looks like the bare one but differs from
 * it. Throws `invalid-identity`.
 */
export function decodePercent(text: string): string {
  const decoded = text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, decodeRun);
  // Any percent sign left here is not followed by two hex digits, because an encoded one is refused above.
  if (decoded.includes('%')) throw refusal('has a percent sign without two hex digits');
  return decoded;
}

/** Percent-encodes characters beyond ASCII as UTF-8, hex in upper case (RFC 3987 §3.1). */
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
    throw refusal('has a percent-encoding that is not UTF-8');
  }
  for (const character of decoded) {
    if (character < '\x80' && !UNRESERVED.test(character)) throw refusal('has a percent-encoded delimiter');
  }
  return decoded;
}
