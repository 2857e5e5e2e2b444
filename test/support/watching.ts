import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientKey } from '../../src/client/client-key.ts';
import { connect } from '../../src/client/connect.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { Deliverer } from '../../src/delivery/deliverer.ts';
import { takeMandate, type TakenMandate } from '../../src/watch/mandates.ts';
import type { Peer } from '../../src/watch/peers.ts';
import type { FeedEntry } from '../../src/watch/records.ts';
import { WATCH_LIMITS, type WatchContext, type WatchLimits } from '../../src/watch/watch-context.ts';
import type { WatchEvent } from '../../src/watch/watch-event.ts';
import { WatchStore } from '../../src/watch/watch-store.ts';
import { NameWatcher } from '../../src/watch/watcher.ts';

/** A watcher under test: real but for its clock, and its addresses are feeds. */
export interface TestWatcher {
  readonly context: WatchContext;
  readonly watcher: NameWatcher;
  readonly events: WatchEvent[];
  /** Watches a name for its owner, who is told in a feed. */
  watch(client: KeyDirectory, identity: string, key: ClientKey, addresses?: readonly string[]): Promise<TakenMandate>;
  /** What the feed of a name has, oldest first. */
  told(identity: string): readonly FeedEntry[];
  close(): Promise<void>;
}

/** The log that a test watches. */
export interface WatchedLog {
  readonly server: string;
  readonly now: () => number;
  readonly fetch?: Fetch | undefined;
  readonly state?: StateStore | undefined;
  readonly limits?: Partial<WatchLimits> | undefined;
  readonly peers?: readonly Peer[] | undefined;
  /** The folder of an earlier watcher. Default: a new one, which is removed at the end. */
  readonly folder?: string | undefined;
  /** Default: a new key. */
  readonly publicKey?: Uint8Array | undefined;
}

const DAY_MS = 86_400_000;

/** Starts a watcher. Tests run its rounds. */
export async function startWatcher(log: WatchedLog): Promise<TestWatcher> {
  const { server, now, fetch, state = new MemoryState(), limits, peers } = log;
  const folder = log.folder ?? (await mkdtemp(join(tmpdir(), 'glasskey-watch-')));
  const store = await WatchStore.open(join(folder, 'watch.journal'));
  const { operation, state: held, heldToNewest } = await connect({ server, state, now, fetch });
  const deliverer = new Deliverer({ egress: { timeoutMs: 5_000 } });
  const events: WatchEvent[] = [];
  const context: WatchContext = {
    origin: operation.trust.bundle.origin,
    identityRules: operation.trust.bundle.identityRules,
    publicKey: log.publicKey ?? new Uint8Array(randomBytes(32)),
    url: 'http://watcher.test',
    store,
    run: (work) => heldToNewest(() => held.transact((current) => work(operation, current))),
    deliverer,
    limits: { ...WATCH_LIMITS, blindMs: DAY_MS, ...limits },
    now,
    random: (length) => new Uint8Array(randomBytes(length)),
    observe: (event) => events.push(event),
  };
  const watcher = new NameWatcher(context, peers);
  return {
    context,
    watcher,
    events,
    watch: async (client, identity, key, addresses = ['feed']) => {
      const order = { watcher: context.publicKey, addresses, lifetimeMs: 300 * DAY_MS };
      const mandate = await client.watchMandate(identity, key, order);
      return takeMandate(context, { identity, mandate, addresses });
    },
    told: (identity) => {
      const subscribers = store.name(identity)?.subscribers ?? [];
      return subscribers.flatMap(({ id }) => store.feed(id)?.entries ?? []).toReversed();
    },
    close: async () => {
      await deliverer.close();
      if (log.folder === undefined) await rm(folder, { recursive: true });
    },
  };
}
