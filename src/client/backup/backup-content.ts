import { decodeUtf8, encodeUtf8 } from '../../core/encoding/bytes.ts';
import { bytes, type Codec, decode, encode, struct } from '../../core/encoding/codec.ts';
import { decodeError, ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { ClientState } from '../state/client-state.ts';
import { formatClientState, parseClientState } from '../state/client-state-json.ts';

/** The content of a backup, for the owner's eyes alone. Private keys do not belong in it. */
export interface BackupContent {
  /** The user's word for the device that made the backup, at most 255 bytes. */
  readonly label: string;
  /** The client's state: what a restored client holds the log to. */
  readonly state: ClientState;
  /** The application's own bytes, such as a chat history. At most {@link MAX_DATA_BYTES}. */
  readonly data: Uint8Array;
}

/** Bytes that an application puts into one backup at most: 64 MiB. */
export const MAX_DATA_BYTES = 2 ** 26;

/** Bytes of a client's state at most: 32 MiB. */
const MAX_STATE_BYTES = 2 ** 25;

/** Bytes of an encoded content at most. */
export const MAX_CONTENT_BYTES = MAX_DATA_BYTES + MAX_STATE_BYTES + 264;

interface EncodedContent {
  readonly label: Uint8Array;
  readonly state: Uint8Array;
  readonly data: Uint8Array;
}

const contentCodec: Codec<EncodedContent> = struct<EncodedContent>({
  label: bytes(0, 255),
  state: bytes(1, MAX_STATE_BYTES),
  data: bytes(0, MAX_DATA_BYTES),
});

const PRIVATE_KEY_END = encodeUtf8('PRIVATE KEY-----');

/**
 * Encodes the content of a backup. Throws `usage` if it is too large, or holds a private key as PEM text: a backup that
 * is opened by a guessed password must not give away the devices' keys.
 */
export function encodeBackupContent({ label, state, data }: BackupContent): Uint8Array {
  ensure(data.length <= MAX_DATA_BYTES, 'usage', `an application puts at most ${MAX_DATA_BYTES} bytes into a backup`);
  ensure(!holds(data, PRIVATE_KEY_END), 'usage', 'the data holds a private key: a device makes a new key instead');
  const content = { label: encodeUtf8(label), state: encodeUtf8(formatClientState(state)), data };
  try {
    return encode(contentCodec, content);
  } catch (cause) {
    throw new GlasskeyError('usage', 'the label or the state is too large for a backup', { cause });
  }
}

/**
 * Reads an opened content. Who has the backup key may have written it, so it is as untrusted as that. Throws
 * `malformed-encoding`, `state-corrupt`, and `state-too-new` for the state of a newer program.
 */
export function decodeBackupContent(encoded: Uint8Array): BackupContent {
  const { label, state, data } = decode(contentCodec, encoded);
  return { label: textOf(label), state: parseClientState(textOf(state)), data };
}

function textOf(encoded: Uint8Array): string {
  try {
    return decodeUtf8(encoded);
  } catch (cause) {
    if (isGlasskeyError(cause)) throw cause;
    throw decodeError('a text of the backup is not UTF-8', cause);
  }
}

/** Returns true if `data` holds `part` somewhere. */
function holds(data: Uint8Array, part: Uint8Array): boolean {
  const [first = 0] = part;
  for (let at = data.indexOf(first); at >= 0; at = data.indexOf(first, at + 1)) {
    if (part.every((byte, i) => data[at + i] === byte)) return true;
  }
  return false;
}
