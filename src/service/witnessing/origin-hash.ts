import { sha256 } from '../../core/crypto/sha256.ts';
import { encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';

/** Returns a log's name in paths: the SHA-256 of its origin in lower-case hexadecimal (c2sp.org/tlog-witness). */
export function originHash(origin: string): string {
  return formatHex(sha256(encodeUtf8(origin)));
}
