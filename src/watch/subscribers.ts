import { createHash, timingSafeEqual } from 'node:crypto';
import { MAX_MANDATE_ADDRESS_BYTES, MAX_MANDATE_ADDRESSES } from '../client/mandate-text.ts';
import { encodeUtf8, formatHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { deliveryAddressText, parseDeliveryAddress } from '../delivery/address.ts';
import type { Subscriber, WatchedName } from './records.ts';
import type { WatchContext } from './watch-context.ts';

/** The address that stands for a feed of the watcher's own. */
export const FEED = 'feed';
/** Former addresses that are kept, those confirmed first: a thief's mandates cannot push the owner's out. */
const MAX_FORMER = 16;

/** A secret that only the reader of an address, or of the answer, learns. The watcher keeps its hash. */
export interface NewSecret {
  readonly subscriber: string;
  readonly address: string;
  /** The code that confirms the address, or the last part of the feed's URL. */
  readonly secret: string;
}

/** Returns untrusted addresses in the form in which they are stored. Throws `invalid-request`. */
export function canonicalAddresses(texts: readonly string[]): readonly string[] {
  const isBounded =
    texts.length <= MAX_MANDATE_ADDRESSES &&
    texts.every((text) => encodeUtf8(text).length <= MAX_MANDATE_ADDRESS_BYTES);
  ensure(isBounded, 'invalid-request', `a mandate has ${MAX_MANDATE_ADDRESSES} addresses at most`);
  const all = texts.map((text) => (text === FEED ? FEED : deliveryAddressText(parseDeliveryAddress(text))));
  ensure(new Set(all).size === all.length, 'invalid-request', 'an address is there twice');
  return all;
}

/**
 * Returns the subscribers after a mandate. One whose address stays keeps its confirmation. One that is confirmed and no
 * longer named is still told for a time, so that a stolen key silences nobody. An unconfirmed one gets a new secret.
 * `isSame` gives a new feed, after a lost answer; the one before counts as no longer named.
 */
export function nextSubscribers(
  { now, random, limits }: Pick<WatchContext, 'now' | 'random' | 'limits'>,
  before: Pick<WatchedName, 'subscribers'> | undefined,
  addresses: readonly string[],
  isSame: boolean,
): { readonly subscribers: readonly Subscriber[]; readonly secrets: readonly NewSecret[] } {
  const known = before?.subscribers ?? [];
  const secrets: NewSecret[] = [];
  const named = addresses.map((address): Subscriber => {
    const found = isSame && address === FEED ? undefined : known.find((one) => one.address === address);
    if (found?.confirmed === true) return withoutEnd(found);
    const id = found?.id ?? formatHex(random(12));
    const secret = `${id}.${formatHex(random(32))}`;
    secrets.push({ subscriber: id, address, secret });
    const unconfirmed = { id, address, secretHash: hashOf(secret), confirmed: false };
    return address === FEED ? { ...unconfirmed, confirmed: true, confirmedMs: now() } : unconfirmed;
  });
  const untilMs = now() + limits.formerMs;
  const former = known
    .filter(({ id, confirmed }) => confirmed && !named.some((one) => one.id === id))
    .map((one) => endingAt(one, one.untilMs ?? untilMs))
    .filter((one) => one.untilMs > now())
    .toSorted((a, b) => (a.confirmedMs ?? 0) - (b.confirmedMs ?? 0))
    .slice(0, MAX_FORMER);
  return { subscribers: [...named, ...former], secrets };
}

function endingAt(subscriber: Subscriber, untilMs: number): Subscriber & { readonly untilMs: number } {
  return { ...subscriber, untilMs };
}

function withoutEnd(subscriber: Subscriber): Subscriber {
  const { untilMs: _, ...rest } = subscriber;
  return rest;
}

/** Returns the subscriber's part of a secret; undefined for text that is none. */
export function subscriberOf(secret: string): string | undefined {
  return /^([0-9a-f]{24})\.[0-9a-f]{64}$/.exec(secret)?.[1];
}

/** Returns true if a secret is the subscriber's. Takes the same time whatever the difference. */
export function holdsSecret({ secretHash }: Subscriber, secret: string): boolean {
  return timingSafeEqual(Buffer.from(secretHash, 'hex'), Buffer.from(hashOf(secret), 'hex'));
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
