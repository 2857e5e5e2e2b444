import { compareBytes } from '../../core/encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  struct,
  vector,
} from '../../core/encoding/codec.ts';
import { decodeError, ensure } from '../../core/errors.ts';
import { MAX_CERTIFICATES } from '../../identity/identity-record.ts';
import { encBytes, SEALED_KEY_BYTES, SEALING_SUITES, type SealingSuite, SUITE_CODES } from './suites.ts';

/** The greatest number of devices that one message is sealed to: as many as a record has certificates. */
export const MAX_DEVICES = MAX_CERTIFICATES;
/** The greatest length of a ciphertext: a message of 1 MiB with everything around it, padded. */
export const MAX_CIPHERTEXT_BYTES = 2 ** 20 + 2 ** 16;
/** The greatest length of an envelope. */
export const MAX_ENVELOPE_BYTES = 2 ** 20 + 2 ** 19;
/** Bytes of a hint. */
export const HINT_BYTES = 8;

/** The part of an envelope that is for one device. */
export interface Slot {
  readonly suite: SealingSuite;
  /** Lets the device find its slot, see `slotHint`. */
  readonly hint: Uint8Array;
  readonly enc: Uint8Array;
  /** The content key, sealed to the device. */
  readonly sealedKey: Uint8Array;
}

/** The head of an envelope; the ciphertext authenticates it. */
export interface EnvelopeHeader {
  readonly format: 1;
  /** Commits to the content key, see `keyCommitment`. */
  readonly keyCommitment: Uint8Array;
  /** Ascending by hint: the order says nothing about the devices. */
  readonly slots: readonly Slot[];
}

/** A sealed message (docs/spec.md#sealed-messages). Untrusted once it was received. */
export interface Envelope {
  readonly header: EnvelopeHeader;
  readonly ciphertext: Uint8Array;
}

const suiteCode = enumeration([SUITE_CODES.x25519, SUITE_CODES['x-wing']]);
const hint = fixedBytes(HINT_BYTES);
const sealedKey = fixedBytes(SEALED_KEY_BYTES);

const slotCodec: Codec<Slot> = {
  write(writer, slot) {
    suiteCode.write(writer, SUITE_CODES[slot.suite]);
    hint.write(writer, slot.hint);
    fixedBytes(encBytes(slot.suite)).write(writer, slot.enc);
    sealedKey.write(writer, slot.sealedKey);
  },
  read(reader) {
    const code = suiteCode.read(reader);
    const suite = SEALING_SUITES.find((one) => SUITE_CODES[one] === code) as SealingSuite;
    return {
      suite,
      hint: hint.read(reader),
      enc: fixedBytes(encBytes(suite)).read(reader),
      sealedKey: sealedKey.read(reader),
    };
  },
};

/** The head alone: its encoding is the associated data of the ciphertext. */
export const envelopeHeaderCodec: Codec<EnvelopeHeader> = struct<EnvelopeHeader>({
  format: enumeration([1]),
  keyCommitment: fixedBytes(32),
  slots: vector(slotCodec, 1, MAX_DEVICES),
});

const envelopeCodec: Codec<Envelope> = struct<Envelope>({
  header: envelopeHeaderCodec,
  ciphertext: bytes(16, MAX_CIPHERTEXT_BYTES),
});

/** Encodes an envelope. Throws `value-out-of-range`. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  return encode(envelopeCodec, envelope);
}

/** Reads an envelope from untrusted bytes. Throws `malformed-encoding`. */
export function decodeEnvelope(encoded: Uint8Array): Envelope {
  ensure(encoded.length <= MAX_ENVELOPE_BYTES, 'malformed-encoding', 'too long for a sealed message');
  const envelope = decode(envelopeCodec, encoded);
  const { slots } = envelope.header;
  const isAscending = slots.every((slot, i) => i === 0 || compareBytes((slots[i - 1] as Slot).hint, slot.hint) < 0);
  if (!isAscending) throw decodeError('the slots of the envelope are out of order');
  return envelope;
}
