import { formatBase64 } from '../core/encoding/bytes.ts';
import type { WatcherPort } from '../http/watcher-routes.ts';
import { formatFeed } from '../watch/feed.ts';
import { Invitations } from '../watch/invitations.ts';
import { takeMandate } from '../watch/mandates.ts';
import { holdsSecret, subscriberOf } from '../watch/subscribers.ts';
import { confirmWatched } from '../watch/upkeep.ts';
import type { WatchContext } from '../watch/watch-context.ts';
import type { NameWatcher } from '../watch/watcher.ts';

/** Returns a watcher as its HTTP interface uses it. */
export function watcherPort(context: WatchContext, watcher: Pick<NameWatcher, 'health' | 'checkpoint'>): WatcherPort {
  const { origin, publicKey, store } = context;
  const invitations = new Invitations(context);
  return {
    facts: () => ({ origin, key: formatBase64(publicKey), names: store.nameCount, health: watcher.health }),
    numbers: () => ({
      names: store.nameCount,
      keys: store.keyCount,
      queued: store.queueLength,
      verifiedMs: watcher.health.verifiedMs,
    }),
    checkpoint: () => watcher.checkpoint,
    take: async (order) => {
      const taken = await takeMandate(context, order);
      return { change: taken.change, addresses: await invitations.send(taken) };
    },
    confirm: (code) => confirmWatched(context, code),
    feed: (secret) => {
      const found = store.subscriber(subscriberOf(secret) ?? '');
      if (found === undefined || found.subscriber.address !== 'feed' || !holdsSecret(found.subscriber, secret)) {
        return undefined;
      }
      const { id } = found.subscriber;
      const record = store.feed(id) ?? { type: 'feed', identity: found.name.identity, entries: [] };
      return formatFeed(origin, id, record, 0);
    },
  };
}
