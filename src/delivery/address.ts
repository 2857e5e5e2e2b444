import { ensure } from '../core/errors.ts';
import { canonicalHttpsUrl, MAX_ADDRESS_BYTES } from './https-url.ts';
import { canonicalMailAddress } from './mail-address.ts';
import { formatPushSubscription, parsePushSubscription, type PushSubscriptionKeys } from './push-subscription.ts';

/**
 * The place where somebody is told. Canonical, as {@link parseDeliveryAddress} makes it: two that mean the same place
 * have the same text.
 */
export type DeliveryAddress =
  | { readonly kind: 'mail'; readonly address: string }
  | { readonly kind: 'webhook'; readonly url: string }
  | ({ readonly kind: 'push' } & PushSubscriptionKeys);

/**
 * Parses the untrusted text of an address: `mailto:…` with one address and no headers, `https://…` for a webhook, or
 * the JSON of a browser's PushSubscription. At most 2,048 bytes. Throws `invalid-request`; messages never repeat the
 * text. Nothing is resolved or connected to: `SafeEgress` judges where a host leads, each time anew.
 */
export function parseDeliveryAddress(text: string): DeliveryAddress {
  ensure(Buffer.byteLength(text) <= MAX_ADDRESS_BYTES, 'invalid-request', 'the address is too long');
  ensure(!/\p{Surrogate}/u.test(text), 'invalid-request', 'the address is not well-formed Unicode');
  if (/^mailto:/i.test(text)) return { kind: 'mail', address: canonicalMailAddress(text.slice('mailto:'.length)) };
  if (text.startsWith('{')) return { kind: 'push', ...parsePushSubscription(text) };
  ensure(/^https:/i.test(text), 'invalid-request', 'the address is not mailto:, https: or a push subscription');
  return { kind: 'webhook', url: canonicalHttpsUrl(text) };
}

/** Formats an address. {@link parseDeliveryAddress} reads it back, to the same. */
export function deliveryAddressText(address: DeliveryAddress): string {
  if (address.kind === 'mail') return `mailto:${address.address}`;
  return address.kind === 'webhook' ? address.url : formatPushSubscription(address);
}

/** Mail, which one server takes, and requests to places that strangers chose. Neither waits for the other. */
export type Lane = 'mail' | 'web';
