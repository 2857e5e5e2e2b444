import { nodeVerifySpkiSignature } from '../../ca/node-verify-signature.ts';
import { decodeUtf8, equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { deliveryAddressText, parseDeliveryAddress } from '../../delivery/address.ts';
import {
  type NotifyOrder,
  notifyOrderCodec,
  notifyOrderMessage,
  type SignedNotifyOrder,
} from '../../identity/notify-order.ts';
import type { LabelState } from '../log/label-state.ts';
import { asFormer, type BookAddress, hintOf, type NotifyBook, withAddress, withChange } from './notify-book.ts';
import {
  CODE_MS,
  MAX_ADDRESSES,
  MAX_CODES,
  MAX_FORMER,
  MAX_ORDERS,
  ORDER_AGE_MS,
  WINDOW_MS,
} from './notify-settings.ts';

/** Where and when an order is to hold. */
export interface OrderPlace {
  readonly origin: string;
  readonly label: Uint8Array;
  readonly nowMs: number;
}

/** An order with a verified signature. */
export interface VerifiedNotifyOrder extends NotifyOrder {
  /** SHA-256 of the key that signed, hex. */
  readonly signer: string;
}

/** An address that is about to be added. */
export interface NewAddress {
  readonly id: string;
  readonly codeHash: string;
}

/**
 * Verifies an untrusted order: for this log and identity, of now, and signed by a key that the proved `state`
 * certifies. Throws `change-rejected`, `bad-change-signature`, `malformed-encoding`.
 */
export async function verifyNotifyOrder(
  { order: encoded, signer, signature }: SignedNotifyOrder,
  { certificates }: Pick<LabelState, 'certificates'>,
  { origin, label, nowMs }: OrderPlace,
): Promise<VerifiedNotifyOrder> {
  const order = decode(notifyOrderCodec, encoded);
  const isOurs = order.origin === origin && equalBytes(order.label, label);
  ensure(isOurs, 'change-rejected', 'the order is for another log or another identity');
  const isFresh = Math.abs(order.number - nowMs) <= ORDER_AGE_MS;
  ensure(isFresh, 'change-rejected', 'the order is not of now: set the clock of the device that signs');
  const key = certificates.find(({ spkiSha256 }) => equalBytes(spkiSha256, signer));
  ensure(key !== undefined, 'bad-change-signature', 'the signer of the order is not certified in the record');
  try {
    await nodeVerifySpkiSignature(key.spki, notifyOrderMessage(encoded), signature);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    throw new GlasskeyError('bad-change-signature', 'the signature of the order is wrong');
  }
  return { ...order, signer: formatHex(signer) };
}

/**
 * Applies a verified order to a book. `fresh` names an address that is added; `version` is the newest one, which it
 * need not be told of. Throws `change-rejected` for an order that was used or is older than another, `rate-limited`,
 * `invalid-request`, `not-found`, and `overloaded` while the addresses of an erased name are deleted.
 */
export function applyOrder(
  book: NotifyBook,
  order: VerifiedNotifyOrder,
  { fresh, version, nowMs }: { readonly fresh: NewAddress; readonly version: number; readonly nowMs: number },
): NotifyBook {
  if (book.isErased === true) {
    throw new GlasskeyError('overloaded', 'the addresses of the erased name are being deleted: try again', {
      retryAfterSeconds: 60,
    });
  }
  ensure(order.number > book.lastOrder, 'change-rejected', 'the order was used, or a later one was');
  if (book.orderMs.length >= MAX_ORDERS) throw tooMany('too many orders for this name');
  const counted = { ...book, lastOrder: order.number, orderMs: [...book.orderMs, nowMs] };
  if (order.action === 'add') return withAdded(counted, order, { fresh, version, nowMs });
  return order.action === 'remove' ? withoutAddress(counted, order, nowMs) : counted;
}

/** Returns the canonical text of the address that an order adds. Throws `invalid-request`. */
export function addedAddress({ subject }: NotifyOrder): string {
  try {
    return deliveryAddressText(parseDeliveryAddress(decodeUtf8(subject)));
  } catch (error) {
    if (isGlasskeyError(error)) throw error;
    throw new GlasskeyError('invalid-request', 'the address is not UTF-8');
  }
}

/** Creates the error of a limit within an hour. */
export function tooMany(message: string): GlasskeyError {
  return new GlasskeyError('rate-limited', message, { retryAfterSeconds: WINDOW_MS / 1000 });
}

function withAdded(
  book: NotifyBook,
  order: VerifiedNotifyOrder,
  { fresh, version, nowMs }: { readonly fresh: NewAddress; readonly version: number; readonly nowMs: number },
): NotifyBook {
  const text = addedAddress(order);
  const present = book.addresses.filter(({ state }) => state !== 'former');
  // The same address again, while it is not confirmed, gets a new code.
  const others = present.filter((one) => one.text !== text || one.state === 'confirmed');
  ensure(
    others.every((one) => one.text !== text),
    'invalid-request',
    'this address is told already',
  );
  // A former one can come back at once: whoever has a stolen key may have filled its place.
  const isFormer = book.addresses.some((one) => one.text === text && one.state === 'former');
  const isWaiting = others.filter(({ state }) => state === 'unconfirmed').length >= MAX_ADDRESSES;
  const hasRoom = others.length < MAX_ADDRESSES || (isFormer && !isWaiting);
  ensure(hasRoom, 'invalid-request', `a name has at most ${MAX_ADDRESSES} addresses`);
  if (book.codeMs.length >= MAX_CODES) throw tooMany('too many codes for this name');
  const address: BookAddress = {
    ...fresh,
    text,
    state: 'unconfirmed',
    untilMs: nowMs + CODE_MS,
    attempts: 0,
    toldVersion: version,
    toldChange: book.changeCount,
    failures: 0,
    nextMs: 0,
    sentMs: [],
  };
  const former = book.addresses.filter(({ state }) => state === 'former');
  const signers = { ...book.signers, [fresh.id]: order.signer };
  return { ...book, codeMs: [...book.codeMs, nowMs], addresses: [...former, ...others, address], signers };
}

/** Removes an address. One that was confirmed stays as a former one: a stolen key does not silence it at once. */
function withoutAddress(book: NotifyBook, order: VerifiedNotifyOrder, nowMs: number): NotifyBook {
  const id = formatHex(order.subject);
  const address = book.addresses.find((one) => one.id === id && one.state !== 'former');
  if (address === undefined) throw new GlasskeyError('not-found', 'the name has no such address');
  if (address.state === 'unconfirmed') {
    return { ...book, addresses: book.addresses.filter((one) => one !== address) };
  }
  const former = book.addresses.filter(({ state }) => state === 'former').length;
  if (former >= MAX_FORMER) throw tooMany('too many addresses of this name were removed within 7 days');
  const { kind } = parseDeliveryAddress(address.text);
  const change = { atMs: nowMs, what: 'removed', kind, hint: hintOf(address.text), signer: order.signer } as const;
  return withChange(withAddress(book, asFormer(address, nowMs)), change);
}
