import { concatBytes, encodeUtf8, formatBase64Url, parseBase64Url } from '../../core/encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  struct,
  uint32,
  uint64,
  vector,
} from '../../core/encoding/codec.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { decodeError, ensure } from '../../core/errors.ts';
import { shortText } from '../../identity/text-codec.ts';

/** Fingerprints that one side of a call signs at most. A browser has one. */
export const MAX_FINGERPRINTS = 4;

/** A label at one version, as a side of a call saw it in the log. */
export interface LabelVersion {
  readonly label: Uint8Array;
  readonly version: number;
  /** KEYTRANS commitment of that version, 32 bytes. */
  readonly commitment: Uint8Array;
}

/** An offer of a call, as the caller's device signs it. */
export interface OfferBody {
  /** The log's origin. */
  readonly origin: string;
  /** 32 random bytes of the caller. */
  readonly callId: Uint8Array;
  /** The caller's time, ms since the epoch. */
  readonly timeMs: number;
  readonly caller: LabelVersion;
  /** SHA-256 of the SubjectPublicKeyInfo of the caller's device. */
  readonly callerKey: Uint8Array;
  readonly callee: LabelVersion;
  /** SHA-256 of each certificate that the caller may use in DTLS. */
  readonly fingerprints: readonly Uint8Array[];
}

/** The answer to an offer, as a device of the callee signs it. */
export interface AnswerBody {
  readonly origin: string;
  /** SHA-256 of what the caller has signed. */
  readonly offerSha256: Uint8Array;
  /** 32 random bytes of the callee. */
  readonly nonce: Uint8Array;
  /** SHA-256 of the SubjectPublicKeyInfo of the callee's device. */
  readonly calleeKey: Uint8Array;
  readonly fingerprints: readonly Uint8Array[];
}

/** The caller's word that it takes this answer and no other. */
export interface ConfirmBody {
  readonly origin: string;
  /** SHA-256 of what the callee has signed. */
  readonly answerSha256: Uint8Array;
}

/** A kind of message in a call's beginning: its bytes on the wire, and what is signed of it (docs/spec.md#calls). */
export interface CallMessageKind<T> {
  readonly type: 1 | 2 | 3;
  readonly context: string;
  readonly body: Codec<T>;
}

/** A message with its signature. Untrusted once it was received. */
export interface CallMessage<T> {
  readonly body: T;
  readonly signature: Uint8Array;
}

const labelVersion: Codec<LabelVersion> = struct<LabelVersion>({
  label: bytes(1, 255),
  version: uint32,
  commitment: fixedBytes(32),
});
const fingerprints = vector(fixedBytes(32), 1, MAX_FINGERPRINTS);

/** An offer. */
export const CALL_OFFER: CallMessageKind<OfferBody> = {
  type: 1,
  context: 'glasskey call offer v1\0',
  body: struct<OfferBody>({
    origin: shortText,
    callId: fixedBytes(32),
    timeMs: uint64,
    caller: labelVersion,
    callerKey: fixedBytes(32),
    callee: labelVersion,
    fingerprints,
  }),
};

/** An answer. */
export const CALL_ANSWER: CallMessageKind<AnswerBody> = {
  type: 2,
  context: 'glasskey call answer v1\0',
  body: struct<AnswerBody>({
    origin: shortText,
    offerSha256: fixedBytes(32),
    nonce: fixedBytes(32),
    calleeKey: fixedBytes(32),
    fingerprints,
  }),
};

/** A confirmation. */
export const CALL_CONFIRM: CallMessageKind<ConfirmBody> = {
  type: 3,
  context: 'glasskey call confirm v1\0',
  body: struct<ConfirmBody>({ origin: shortText, answerSha256: fixedBytes(32) }),
};

const PREFIX = 'glasskey-call:';
const MAX_TEXT = 4096;

/** Returns the bytes that a device signs for a message (docs/spec.md#calls). */
export function callSignedBytes<T>({ context, body }: CallMessageKind<T>, value: T): Uint8Array {
  return concatBytes(encodeUtf8(context), encode(body, value));
}

/** Returns the hash by which the next message names this one. */
export function callMessageHash<T>(kind: CallMessageKind<T>, value: T): Uint8Array {
  return sha256(callSignedBytes(kind, value));
}

/** Formats a message as the text that one side sends to the other. */
export function formatCallMessage<T>(kind: CallMessageKind<T>, message: CallMessage<T>): string {
  const encoded = encode(wireCodec(kind), { format: 1, type: kind.type, ...message });
  return PREFIX + formatBase64Url(encoded);
}

/**
 * Reads a text of {@link formatCallMessage}; untrusted. Throws `malformed-encoding`, for another kind of message too.
 */
export function parseCallMessage<T>(kind: CallMessageKind<T>, text: string): CallMessage<T> {
  const refusal = 'the text is not the message of a call that is expected here';
  ensure(text.length <= MAX_TEXT, 'malformed-encoding', refusal);
  const [, digits] = /^glasskey-call:([A-Za-z0-9_-]+)$/.exec(text) ?? [];
  if (digits === undefined) throw decodeError(refusal);
  try {
    const { body, signature } = decode(wireCodec(kind), parseBase64Url(digits));
    return { body, signature };
  } catch (cause) {
    throw decodeError(refusal, cause);
  }
}

interface WireMessage<T> extends CallMessage<T> {
  readonly format: 1;
  readonly type: 1 | 2 | 3;
}

function wireCodec<T>({ type, body }: CallMessageKind<T>): Codec<WireMessage<T>> {
  return struct<WireMessage<T>>({
    format: enumeration([1]),
    type: enumeration([type]),
    body,
    signature: bytes(1, 1024),
  });
}
