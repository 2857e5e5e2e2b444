import { decodeUtf8 } from '../core/encoding/bytes.ts';
import { decodeError } from '../core/errors.ts';

/** The origin of a log in what people send each other (untrusted). Throws `malformed-encoding`. */
export function readOrigin(encoded: Uint8Array): string {
  try {
    return decodeUtf8(encoded);
  } catch (cause) {
    throw decodeError('an origin that is not UTF-8', cause);
  }
}
