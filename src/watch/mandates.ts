import { parseCertificate } from '../ca/certificate.ts';
import { verifySpkiSignature } from '../ca/verify-signature.ts';
import {
  addressesHash,
  type OwnersVersion,
  type Mandate,
  mandateMessage,
  MAX_MANDATE_ADDRESS_BYTES,
  MAX_MANDATE_ADDRESSES,
  MAX_MANDATE_TEXT,
  parseMandate,
} from '../client/mandate-text.ts';
import { equalBytes, formatHex } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { canonicalIdentity } from '../identity/canonical-identity.ts';
import type { Identity } from '../identity/identity.ts';
import type { Notice } from '../delivery/notice.ts';
import { type LookedName, lookName } from './look-name.ts';
import { changedNotice } from './mandate-notices.ts';
import type { Subscriber, WatchedName } from './records.ts';
import { canonicalAddresses, type NewSecret, nextSubscribers } from './subscribers.ts';
import { changesOfLook } from './told-versions.ts';
import type { WatchContext } from './watch-context.ts';
import { nameChange, type WatchChange } from './watch-store.ts';

/** Most characters of a mandate and of an address, and most addresses. */
export const ORDER_BOUNDS = {
  mandate: MAX_MANDATE_TEXT,
  addresses: MAX_MANDATE_ADDRESSES,
  address: MAX_MANDATE_ADDRESS_BYTES,
} as const;

/** An owner's request; untrusted. */
export interface MandateOrder {
  readonly identity: string;
  readonly mandate: string;
  readonly addresses: readonly string[];
}

/** A mandate that was taken up, and the secrets of its new addresses. */
export interface TakenMandate {
  readonly name: WatchedName;
  readonly change: 'new' | 'replaced' | 'withdrawn' | 'same';
  readonly secrets: readonly NewSecret[];
}

/** A mandate whose form and signature are good. Its claims are not verified. */
interface SignedOrder {
  readonly identity: Identity;
  readonly mandate: Mandate;
  readonly addresses: readonly string[];
}

/**
 * Takes a mandate up: verifies it, looks the name up, and watches it from that tree head on. Durable when it resolves.
 * The same order again gives its addresses new secrets. Throws `malformed-encoding`, `invalid-identity`,
 * `invalid-request`, `bad-signature`, `usage` for a mandate for another log or watcher, `version-conflict` for one that
 * a newer one replaced, `change-rejected` if the log does not show what it claims, `certificate-not-in-record`,
 * `overloaded`, `storage-failed`, and what a lookup throws.
 */
export async function takeMandate(context: WatchContext, order: MandateOrder): Promise<TakenMandate> {
  const signed = await readOrder(context, order);
  const { store, run, limits } = context;
  return run(async (operation, state) => {
    const before = store.name(signed.identity.text);
    const { mandate, identity } = signed;
    const newest = newestOf(mandate);
    const claimed = { version: newest.version, commitment: formatHex(newest.commitment) };
    // Everything after the greatest version that is known has to be told, whatever the mandate claims.
    const since =
      before === undefined || newest.version < before.greatest
        ? claimed
        : { version: before.greatest, commitment: before.commitment };
    const looked = await lookName(operation, state, identity, since, before?.added ?? []).catch(notAsClaimed);
    assertSigner(looked, mandate);
    // Last: only whoever has a key of the name may learn that it is watched. As it is now: an address may have been
    // confirmed meanwhile.
    const held = store.name(identity.text);
    const isFull = store.nameCount >= limits.names || store.recordBytes >= limits.recordBytes;
    ensure(held !== undefined || !isFull, 'overloaded', 'this watcher has as many names as it can watch');
    assertNewest(signed, held, order);
    const { changes, ...taken } = takenBy(context, signed, order, held, looked);
    await store.commit(changes);
    if (taken.change !== 'same') context.observe({ type: 'mandate', change: taken.change });
    return { next: looked.next, result: taken };
  });
}

async function readOrder(context: WatchContext, order: MandateOrder): Promise<SignedOrder> {
  const { origin, publicKey, identityRules, limits, now } = context;
  const identity = canonicalIdentity(order.identity, identityRules);
  const mandate = parseMandate(order.mandate);
  const isOurs = mandate.origin === origin && equalBytes(mandate.watcher, publicKey);
  ensure(isOurs, 'usage', `the mandate is for another log or watcher: this one watches ${origin}`);
  ensure(equalBytes(mandate.label, identity.label), 'usage', `the mandate is about another name than ${identity.text}`);
  const isInTime = mandate.expiresMs > now() && mandate.expiresMs <= now() + limits.mandateMs;
  ensure(
    isInTime,
    'invalid-request',
    `the mandate has expired, or lasts longer than ${limits.mandateMs / 86_400_000} days`,
  );
  // A number from the future would keep every honest mandate out until then.
  const isPast = mandate.number <= now() + MAX_AHEAD_MS;
  ensure(isPast, 'invalid-request', 'the number of the mandate is not a time up to now, in ms');
  const addresses = canonicalAddresses(order.addresses);
  const isBound = equalBytes(mandate.addressesHash, addressesHash(order.addresses));
  ensure(isBound, 'invalid-request', 'the addresses are not those that the mandate is signed for');
  await verifySpkiSignature(mandate.signer, mandateMessage(mandate), mandate.signature);
  return { identity, mandate, addresses };
}

/** Greatest lead of an owner's clock, ms. */
const MAX_AHEAD_MS = 5 * 60_000;

/** Throws `version-conflict` for a mandate that does not follow the one that the watcher has. */
function assertNewest({ mandate }: SignedOrder, before: WatchedName | undefined, order: MandateOrder): void {
  if (before === undefined || before.mandate === order.mandate.trim()) return;
  ensure(mandate.number > before.number, 'version-conflict', 'this watcher has a newer mandate of the name');
  const claimed = newestOf(parseMandate(before.mandate)).version;
  const newest = newestOf(mandate).version;
  // A key that a later version removed must not replace the mandate of a key that is there.
  ensure(newest >= claimed, 'version-conflict', `the mandate that this watcher has claims version ${claimed} already`);
}

/** Throws `certificate-not-in-record` unless the newest claimed version certifies the signer. */
function assertSigner({ since, versions }: LookedName, mandate: Mandate): void {
  const { version, commitment } = newestOf(mandate);
  const shown = [since, ...versions].find((one) => one?.version === version);
  const isShown = shown !== undefined && equalBytes(shown.commitment, commitment);
  ensure(isShown, 'change-rejected', NOT_AS_CLAIMED);
  const isThere = shown.record.certificates.some((der) => hasKey(der, mandate.signer));
  const missing = `version ${version} does not certify the key that signed the mandate`;
  ensure(isThere, 'certificate-not-in-record', missing);
}

function hasKey(der: Uint8Array, spki: Uint8Array): boolean {
  try {
    return equalBytes(parseCertificate(der).spki, spki);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return false;
  }
}

/** A claim of a mandate that the log contradicts is its author's fault, not the log's. */
function notAsClaimed(cause: unknown): never {
  const isClaim = isGlasskeyError(cause, 'version-rolled-back') || isGlasskeyError(cause, 'unexpected-version');
  if (!isClaim) throw cause;
  throw new GlasskeyError('change-rejected', NOT_AS_CLAIMED, { cause });
}

const NOT_AS_CLAIMED = 'the log does not show the newest version that the mandate claims';

/** The newest claimed version: the codec refuses a mandate without one. */
function newestOf({ versions }: Mandate): OwnersVersion {
  const newest = versions.at(-1);
  ensure(newest !== undefined, 'internal', 'a mandate without a version');
  return newest;
}

function takenBy(
  context: WatchContext,
  { identity, mandate, addresses }: SignedOrder,
  order: MandateOrder,
  before: WatchedName | undefined,
  looked: LookedName,
): TakenMandate & { readonly changes: readonly WatchChange[] } {
  const { store, now, limits } = context;
  const isSame = before?.mandate === order.mandate.trim();
  const { subscribers, secrets } = nextSubscribers(context, before, addresses, isSame);
  const name: WatchedName = {
    type: 'name',
    identity: identity.text,
    // Of a new name, what comes after the newest claimed version is told.
    greatest: before?.greatest ?? newestOf(mandate).version,
    commitment: before?.commitment ?? formatHex(newestOf(mandate).commitment),
    keys: [],
    added: before?.added ?? [],
    mandate: order.mandate.trim(),
    number: mandate.number,
    // A mandate that ends at once must not end the one before with it.
    expiresMs: Math.max(mandate.expiresMs, Math.min(before?.expiresMs ?? 0, now() + limits.formerMs)),
    subscribers,
  };
  const change = before === undefined ? 'new' : isSame ? 'same' : addresses.length === 0 ? 'withdrawn' : 'replaced';
  const { next, changes } = changesOfLook(context, name, looked, before?.mandate);
  const former = before && (isSame ? { ...before, subscribers: leavingOf(before, subscribers) } : before);
  const told = former === undefined ? [] : formerNotices(former, subscribers, change, mandate.number);
  return {
    name: next,
    change,
    secrets,
    changes: [nameChange(next), ...changes, ...told.flatMap(({ of, notice }) => store.telling(of, notice, now()))],
  };
}

/** Returns the subscribers that are told for a time only from now on. */
function leavingOf({ subscribers }: WatchedName, after: readonly Subscriber[]): readonly Subscriber[] {
  return subscribers.filter(
    ({ id, untilMs }) => untilMs === undefined && after.find((one) => one.id === id)?.untilMs !== undefined,
  );
}

/** Returns the notice of the change for each address of the former mandate, with the time until which it is told. */
function formerNotices(
  { identity, subscribers }: WatchedName,
  after: readonly Subscriber[],
  change: TakenMandate['change'],
  number: number,
): readonly { readonly of: Pick<WatchedName, 'identity' | 'subscribers'>; readonly notice: Notice }[] {
  const kind = change === 'withdrawn' ? 'withdrawn' : 'replaced';
  return subscribers.map((subscriber) => {
    const untilMs = after.find(({ id }) => id === subscriber.id)?.untilMs;
    return { of: { identity, subscribers: [subscriber] }, notice: changedNotice(identity, kind, number, untilMs) };
  });
}
