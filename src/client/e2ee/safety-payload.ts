import { formatBase64Url, parseBase64Url } from '../../core/encoding/bytes.ts';
import { type Codec, decode, encode, enumeration, fixedBytes, struct } from '../../core/encoding/codec.ts';
import { decodeError, ensure } from '../../core/errors.ts';

/** One side in a payload. */
export interface PayloadSide {
  /** The first half of SHA-256 of the label: the payload is shown on screens, and names nobody. */
  readonly labelHash: Uint8Array;
  /** The side's `hash`. */
  readonly keys: Uint8Array;
}

/** A safety number as one device shows it to the camera of another. */
export interface SafetyPayload {
  /** The first half of SHA-256 of the log's origin. */
  readonly logHash: Uint8Array;
  /** The side with the lower label. */
  readonly first: PayloadSide;
  readonly second: PayloadSide;
}

const PREFIX = 'glasskey-safety:';
const MAX_TEXT = 256;

const half = fixedBytes(16);
const sideCodec = struct<PayloadSide>({ labelHash: half, keys: fixedBytes(32) });
const payloadCodec: Codec<SafetyPayload & { readonly format: 1 }> = struct<SafetyPayload & { readonly format: 1 }>({
  format: enumeration([1]),
  logHash: half,
  first: sideCodec,
  second: sideCodec,
});

/** Formats a safety number as the text of a QR code: 167 characters. */
export function formatSafetyPayload(payload: SafetyPayload): string {
  return PREFIX + formatBase64Url(encode(payloadCodec, { format: 1, ...payload }));
}

/** Reads the text of {@link formatSafetyPayload}; untrusted. Throws `malformed-encoding`. */
export function parseSafetyPayload(text: string): SafetyPayload {
  ensure(text.length <= MAX_TEXT, 'malformed-encoding', 'the text is too long to be a safety number');
  const [, encoded] = /^glasskey-safety:([A-Za-z0-9_-]+)$/.exec(text.trim()) ?? [];
  if (encoded === undefined) throw decodeError('the text is not a safety number');
  try {
    const { format: _, ...payload } = decode(payloadCodec, parseBase64Url(encoded));
    return payload;
  } catch (cause) {
    throw decodeError('the text is not a safety number', cause);
  }
}
