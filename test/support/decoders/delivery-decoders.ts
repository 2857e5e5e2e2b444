import fc from 'fast-check';
import { deliveryAddressText, parseDeliveryAddress } from '../../../src/delivery/address.ts';
import { formatPushSubscription, parsePushSubscription } from '../../../src/delivery/push-subscription.ts';
import { pushBrowser } from '../push-browser.ts';
import { type Decoder, ofText } from './decoder.ts';

const browser = pushBrowser();
const subscriptions = fc
  .webPath()
  .map((path) =>
    formatPushSubscription(parsePushSubscription(browser.subscription(`https://push.example.com${path}`))),
  );
const addresses = fc.oneof(
  subscriptions,
  fc.constantFrom('mailto:bob@example.com', 'https://hooks.example.com/', 'https://[2606:4700::1111]/a?b=c'),
);

/** Parsers of `src/delivery`. */
export const DELIVERY_DECODERS: readonly Decoder[] = [
  ofText({
    name: 'parseDeliveryAddress',
    texts: addresses,
    read: parseDeliveryAddress,
    write: deliveryAddressText,
    refusals: ['invalid-request'],
    canonical: false,
  }),
  ofText({
    name: 'parsePushSubscription',
    texts: subscriptions,
    read: parsePushSubscription,
    write: formatPushSubscription,
    refusals: ['invalid-request'],
    canonical: false,
  }),
];
