import { decodeUtf8, encodeUtf8 } from '../core/encoding/bytes.ts';
import { bytes, type Codec } from '../core/encoding/codec.ts';
import { decodeError } from '../core/errors.ts';

const encoded = bytes(1, 255);

/** `opaque text<1..2^8-1>` that is valid UTF-8. Reading throws `malformed-encoding`. */
export const shortText: Codec<string> = {
  write: (writer, value) => encoded.write(writer, encodeUtf8(value)),
  read: (reader) => {
    const text = encoded.read(reader);
    try {
      return decodeUtf8(text);
    } catch (cause) {
      throw decodeError('text is not UTF-8', cause);
    }
  },
};
