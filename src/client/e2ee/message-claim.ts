import { sha256 } from '../../core/crypto/sha256.ts';
import { compareBytes, concatBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  fixedBytes,
  struct,
  uint32,
  uint64,
  vector,
} from '../../core/encoding/codec.ts';
import { decodeError } from '../../core/errors.ts';
import { shortText } from '../../identity/text-codec.ts';
import { MAX_DEVICES } from './envelope-codec.ts';
import { assertPadding, paddedLength } from './padding.ts';

/** The greatest length of a message, bytes. */
export const MAX_MESSAGE_BYTES = 2 ** 20;
/** Bytes of a message's id. */
export const MESSAGE_ID_BYTES = 16;

/** A name at one version of its record. */
export interface ClaimedParty {
  readonly label: Uint8Array;
  readonly version: number;
  /** KEYTRANS commitment of that version, 32 bytes. */
  readonly commitment: Uint8Array;
}

/** The facts about a message that its sender signs. */
export interface MessageClaim {
  readonly sender: ClaimedParty;
  /** SHA-256 of the SubjectPublicKeyInfo of the key that signs. */
  readonly signer: Uint8Array;
  readonly recipient: ClaimedParty;
  /** The keys, named with their companions (`certifiedKeysHash`), of the devices that can open it; ascending. */
  readonly devices: readonly Uint8Array[];
  readonly messageId: Uint8Array;
  /** The sender's clock, ms since the epoch. */
  readonly sentAtMs: number;
}

/** The part of a message that only its recipients see. */
export interface MessageContent {
  readonly claim: MessageClaim;
  readonly signature: Uint8Array;
  readonly plaintext: Uint8Array;
}

const CONTEXT = encodeUtf8('glasskey sealed message v1\0');
const MAX_PADDING = 2 ** 15;

const hash = fixedBytes(32);
const party = struct<ClaimedParty>({ label: bytes(1, 255), version: uint32, commitment: hash });
const claimCodec: Codec<MessageClaim> = struct<MessageClaim>({
  sender: party,
  signer: hash,
  recipient: party,
  devices: vector(hash, 1, MAX_DEVICES),
  messageId: fixedBytes(MESSAGE_ID_BYTES),
  sentAtMs: uint64,
});

const signedCodec = struct({ origin: shortText, claim: claimCodec, plaintextSha256: hash });

const contentCodec = struct({
  claim: claimCodec,
  signature: bytes(1, 1024),
  plaintext: bytes(0, MAX_MESSAGE_BYTES),
  padding: bytes(0, MAX_PADDING),
});

/** Returns the bytes that a sender signs for a message to a name in the log `origin` (docs/spec.md#sealed-messages). */
export function sealedMessageText(origin: string, claim: MessageClaim, plaintext: Uint8Array): Uint8Array {
  return concatBytes(CONTEXT, encode(signedCodec, { origin, claim, plaintextSha256: sha256(plaintext) }));
}

/** Encodes the content of a message, padded. Throws `value-out-of-range`. */
export function encodeContent(content: MessageContent): Uint8Array {
  const { length } = encode(contentCodec, { ...content, padding: new Uint8Array() });
  return encode(contentCodec, { ...content, padding: new Uint8Array(paddedLength(length) - length) });
}

/**
 * Reads the content of a message from untrusted bytes: any device that has the key can have written them. Throws
 * `malformed-encoding`.
 */
export function decodeContent(encoded: Uint8Array): MessageContent {
  const { padding, ...content } = decode(contentCodec, encoded);
  assertPadding(padding, encoded.length);
  const { devices } = content.claim;
  const isAscending = devices.every((name, i) => i === 0 || compareBytes(devices[i - 1] as Uint8Array, name) < 0);
  if (!isAscending) throw decodeError('the devices of a message are out of order');
  return content;
}
