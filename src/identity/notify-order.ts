import { concatBytes, encodeUtf8 } from '../core/encoding/bytes.ts';
import { bytes, type Codec, enumeration, struct, uint64 } from '../core/encoding/codec.ts';
import { shortText } from './text-codec.ts';

/**
 * An order about where the owner of an identity is told of changes (`docs/spec.md#notify-orders`). It states everything
 * that it does, for one log and one identity.
 */
export interface NotifyOrder {
  /** The log's origin, as in the trust bundle: 1..255 bytes of UTF-8. */
  readonly origin: string;
  /** The KEYTRANS label: 1..255 bytes. */
  readonly label: Uint8Array;
  /** The signer's time in ms. Each order of an identity has a greater one than the order before. */
  readonly number: number;
  readonly action: NotifyAction;
  /** `add`: the address, UTF-8. `remove`: the 16 bytes that name an address. `list`: no bytes. */
  readonly subject: Uint8Array;
}

/** The deed of an order. */
export type NotifyAction = 'add' | 'remove' | 'list';

/** A NotifyOrder in transit: its encoding, its signer, and the signature over {@link notifyOrderMessage}. */
export interface SignedNotifyOrder {
  readonly order: Uint8Array;
  /** SHA-256 of the signer's SubjectPublicKeyInfo. */
  readonly signer: Uint8Array;
  /** By the signer's key, in the form of a signed change. */
  readonly signature: Uint8Array;
}

/** Longest address in an order, UTF-8 bytes. */
export const MAX_NOTIFY_ADDRESS_BYTES = 2048;

/** Longest encoding of a {@link NotifyOrder}. */
export const MAX_NOTIFY_ORDER_BYTES = 2 * 256 + 8 + 1 + 2 + MAX_NOTIFY_ADDRESS_BYTES;

const CONTEXT = encodeUtf8('glasskey notify order v1\0');
const ACTIONS = { add: 1, remove: 2, list: 3 } as const;

const actionNumber = enumeration([1, 2, 3]);
const actionCodec: Codec<NotifyAction> = {
  write: (writer, action) => actionNumber.write(writer, ACTIONS[action]),
  read: (reader) => {
    const number = actionNumber.read(reader);
    if (number === ACTIONS.add) return 'add';
    return number === ACTIONS.remove ? 'remove' : 'list';
  },
};

/** Codec of {@link NotifyOrder}. Throws `malformed-encoding` on untrusted bytes. */
export const notifyOrderCodec: Codec<NotifyOrder> = struct<NotifyOrder>({
  origin: shortText,
  label: bytes(1, 255),
  number: uint64,
  action: actionCodec,
  subject: bytes(0, MAX_NOTIFY_ADDRESS_BYTES),
});

/** Returns the bytes to sign for an encoded {@link NotifyOrder}: "glasskey notify order v1" || 0x00 || order. */
export function notifyOrderMessage(encodedOrder: Uint8Array): Uint8Array {
  return concatBytes(CONTEXT, encodedOrder);
}
