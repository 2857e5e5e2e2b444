import { concatBytes, encodeUtf8, formatBase64Url, parseBase64Url } from '../core/encoding/bytes.ts';
import { bytes, type Codec, decode, encode, enumeration, fixedBytes, struct, uint32 } from '../core/encoding/codec.ts';
import { decodeError, ensure } from '../core/errors.ts';
import { shortText } from '../identity/text-codec.ts';

/** The fact that a device notes for its owner's other devices: it made this version. */
export interface NotedVersion {
  /** The log's origin. */
  readonly origin: string;
  readonly label: Uint8Array;
  readonly version: number;
  /** KEYTRANS commitment of that version, 32 bytes. */
  readonly commitment: Uint8Array;
}

/** A device's note with its signature. Untrusted once it was received. */
export interface DeviceNote extends NotedVersion {
  /** SubjectPublicKeyInfo of the key that signed the change, and this note. */
  readonly signer: Uint8Array;
  readonly signature: Uint8Array;
}

const CONTEXT = encodeUtf8('glasskey device note v1\0');
const PREFIX = 'glasskey-note:';
const MAX_TEXT = 4096;

const notedFields = { origin: shortText, label: bytes(1, 255), version: uint32, commitment: fixedBytes(32) };
const notedVersionCodec: Codec<NotedVersion> = struct<NotedVersion>(notedFields);

const deviceNoteCodec: Codec<DeviceNote & { readonly format: 1 }> = struct<DeviceNote & { readonly format: 1 }>({
  format: enumeration([1]),
  ...notedFields,
  signer: bytes(1, 1024),
  signature: bytes(1, 1024),
});

/** Returns the bytes that a device signs for a note (docs/spec.md#device-notes). */
export function deviceNoteMessage({ origin, label, version, commitment }: NotedVersion): Uint8Array {
  return concatBytes(CONTEXT, encode(notedVersionCodec, { origin, label, version, commitment }));
}

/** Formats a note as the text that one device sends to another. */
export function formatDeviceNote(note: DeviceNote): string {
  const encoded = encode(deviceNoteCodec, { format: 1, ...note });
  return PREFIX + formatBase64Url(encoded);
}

/** Reads a text of {@link formatDeviceNote}; untrusted. Throws `malformed-encoding`. */
export function parseDeviceNote(text: string): DeviceNote {
  ensure(text.length <= MAX_TEXT, 'malformed-encoding', 'the text is too long to be a note of a device');
  const match = /^glasskey-note:([A-Za-z0-9_-]+)$/.exec(text.trim());
  if (match === null) throw decodeError('the text is not a note of a device');
  try {
    const { format: _, ...note } = decode(deviceNoteCodec, parseBase64Url(match[1] as string));
    return note;
  } catch (cause) {
    throw decodeError('the text is not a note of a device', cause);
  }
}
