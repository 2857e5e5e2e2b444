import { endNotice } from './mandate-notices.ts';
import { nameRecordKey, NEVER, feedKey, type Subscriber, type WatchedName } from './records.ts';
import { holdsSecret, subscriberOf } from './subscribers.ts';
import type { WatchContext } from './watch-context.ts';
import { nameChange, type WatchChange } from './watch-store.ts';

/** Time for which notices wait for an address to be confirmed, ms. */
const UNCONFIRMED_MS = 7 * 86_400_000;
/** Time before the end of a mandate at which its owner is told, ms. */
const END_SOON_MS = 7 * 86_400_000;

/**
 * Confirms the address to which a code was sent, and lets go what waited for that. Returns the name; undefined for a
 * code that is unknown or was replaced. The code is untrusted.
 */
export async function confirmWatched({ store, now }: WatchContext, code: string): Promise<string | undefined> {
  const found = store.subscriber(subscriberOf(code) ?? '');
  if (found === undefined || !holdsSecret(found.subscriber, code)) return undefined;
  const { name, subscriber } = found;
  if (subscriber.confirmed) return name.identity;
  const subscribers = name.subscribers.map((one) => (one.id === subscriber.id ? confirmedNow(one, now()) : one));
  const waiting = [...store.queue()].filter(([, one]) => one.subscriber === subscriber.id && one.nextMs === NEVER);
  const released = waiting.map(([key, one]): WatchChange => [key, { ...one, nextMs: now() }]);
  await store.commit([nameChange({ ...name, subscribers }), ...released]);
  return name.identity;
}

function confirmedNow(subscriber: Subscriber, confirmedMs: number): Subscriber {
  return { ...subscriber, confirmed: true, confirmedMs };
}

/**
 * Ends what has run out: mandates, former addresses, and notices for addresses that nobody confirms. Tells of mandates
 * that end soon or have ended. Throws `storage-failed`.
 */
export async function endWhatRanOut(context: WatchContext): Promise<void> {
  const { store, now } = context;
  const nowMs = now();
  const stale = [...store.queue()].filter(([, one]) => one.nextMs === NEVER && nowMs - one.sinceMs > UNCONFIRMED_MS);
  let changes: WatchChange[] = stale.map(([key]) => [key, undefined]);
  const names = [...store.names()].map(({ identity }) => identity);
  for (const identity of names) {
    // Each name as it is when its change is stored: mandates and confirmations come in between the steps.
    const name = store.name(identity);
    if (name !== undefined) changes.push(...changesOf(context, name, nowMs));
    if (changes.length < CHANGES_PER_STEP) continue;
    await store.commit(changes);
    changes = [];
  }
  await store.commit(changes);
}

const CHANGES_PER_STEP = 1_000;

function changesOf(context: WatchContext, name: WatchedName, nowMs: number): readonly WatchChange[] {
  const { store, observe } = context;
  const { identity, expiresMs, subscribers } = name;
  const [left, gone] = [
    subscribers.filter((one) => !hasEnded(one, nowMs)),
    subscribers.filter((one) => hasEnded(one, nowMs)),
  ];
  const feeds = gone.map(({ id }): WatchChange => [feedKey(id), undefined]);
  if (expiresMs <= nowMs || left.length === 0) {
    observe({ type: 'mandate', change: 'ended' });
    // The last entry of a feed would go with it, so only addresses are told of the end.
    const told = store.telling(
      { identity, subscribers: left.filter(({ address }) => address !== 'feed') },
      endNotice(identity, expiresMs, true),
      nowMs,
    );
    const all = subscribers.map(({ id }): WatchChange => [feedKey(id), undefined]);
    return [[nameRecordKey(identity), undefined], ...all, ...told];
  }
  const isSoon = expiresMs - nowMs <= END_SOON_MS && name.endTold === undefined;
  if (!isSoon && gone.length === 0) return [];
  const next: WatchedName = { ...name, subscribers: left, ...(isSoon ? { endTold: true } : {}) };
  const told = isSoon ? store.telling(next, endNotice(identity, expiresMs, false), nowMs) : [];
  return [nameChange(next), ...feeds, ...told];
}

function hasEnded({ untilMs }: WatchedName['subscribers'][number], nowMs: number): boolean {
  return untilMs !== undefined && untilMs <= nowMs;
}
