import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDeliveryAddress } from '../../src/delivery/address.ts';
import { Deliverer } from '../../src/delivery/deliverer.ts';
import type { Notice } from '../../src/delivery/notice.ts';
import { type AddressState, Invitations } from '../../src/watch/invitations.ts';
import { deliverDue } from '../../src/watch/outbox.ts';
import type { QueuedNotice, Subscriber, WatchedName } from '../../src/watch/records.ts';
import { nextSubscribers } from '../../src/watch/subscribers.ts';
import { WATCH_LIMITS, type WatchContext } from '../../src/watch/watch-context.ts';
import { nameChange, WatchStore } from '../../src/watch/watch-store.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { TLS_PAIR } from '../support/tls-pair.ts';
import { until } from '../support/until.ts';

const { privateKey: webhookKey } = generateKeyPairSync('ed25519');
const SIGNAL = new AbortController().signal;

let folder: string;
let slow: Receiver;
let fast: Receiver;
let context: WatchContext;
let deliverer: Deliverer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-deliveries-'));
  [slow, fast] = await Promise.all([startReceiver(), startReceiver()]);
  slow.answer = () => undefined;
  const egress = {
    allowPrivate: ['127.0.0.1/32'],
    ports: [slow.port, fast.port],
    ca: TLS_PAIR.certificate,
    timeoutMs: 2_000,
  };
  deliverer = new Deliverer({ webhookKey, egress }, { resolve: () => Promise.resolve(['127.0.0.1']) });
  context = {
    origin: 'log.example',
    identityRules: { domains: 'any', uriSchemes: [] } as unknown as WatchContext['identityRules'],
    publicKey: new Uint8Array(32),
    url: 'https://watch.example',
    store: await WatchStore.open(join(folder, 'watch.journal')),
    run: () => Promise.reject(new Error('no log')),
    deliverer,
    limits: { ...WATCH_LIMITS, blindMs: 1 },
    now: Date.now,
    random: (length) => new Uint8Array(randomBytes(length)),
    observe: () => undefined,
  };
});
afterEach(async () => {
  await deliverer.close();
  await Promise.all([slow.close(), fast.close()]);
  await rm(folder, { recursive: true });
});

const noticeOf = (id: string): Notice => ({ id, subject: id, text: id, event: { type: 'version' } });
const hook = ({ port }: Receiver, path = 'hook'): string => `https://keys.example:${port}/${path}`;

function subscriberAt(address: string, id = '0'.repeat(24)): Subscriber {
  return { id, address, secretHash: '00', confirmed: true };
}

function nameOf(identity: string, subscribers: readonly Subscriber[]): WatchedName {
  const facts = { greatest: 0, commitment: '', keys: [], added: [], mandate: '', number: 0 };
  return { type: 'name', identity, ...facts, expiresMs: Number.MAX_SAFE_INTEGER, subscribers };
}

const waiting = (): readonly QueuedNotice[] => [...context.store.queue()].map(([, one]) => one);

describe('the outbox', () => {
  it('does not let a slow receiver with many notices hold up another one', async () => {
    const { store } = context;
    const bob = nameOf('bob@example.com', [subscriberAt(hook(fast))]);
    for (let i = 0; i < 40; i++) {
      const eve = nameOf('eve@example.com', [subscriberAt(hook(slow, `${i}`), `${i}`)]);
      await store.commit(store.telling(eve, noticeOf(`slow${i}`), 0));
    }
    await store.commit(store.telling(bob, noticeOf('fast'), 0));
    const done = deliverDue(context, SIGNAL);
    await until(() => fast.received.length === 1);
    expect(slow.received.length).toBeLessThan(15);
    await done;
  });

  it('keeps the tries of a notice that was not tried, for want of a place', async () => {
    const { store } = context;
    await store.commit(store.telling(nameOf('bob', [subscriberAt(hook(fast))]), noticeOf('one'), 0));
    const others = Array.from({ length: 32 }, () => deliverer.deliver(parseDeliveryAddress(hook(slow)), noticeOf('x')));
    await deliverDue(context, SIGNAL);
    expect(waiting()).toMatchObject([{ tries: 0 }]);
    await Promise.all(others);
  });

  it('has a bound for each address, and says there that there is more', async () => {
    const { store } = context;
    const bob = nameOf('bob@example.com', [{ ...subscriberAt(hook(fast)), confirmed: false }]);
    for (let i = 0; i < 200; i++) await store.commit(store.telling(bob, noticeOf(`n${i}`), 0));
    expect(store.queueLength).toBe(65);
    expect(waiting().at(-1)?.notice.subject).toContain('more changes than are told one by one');
    const [[key] = ['']] = [...store.queue()];
    await store.commit([[key, undefined]]);
    expect(store.queueLength).toBe(64);
  });
});

describe('the notices of all', () => {
  it('are bounded: beyond that one waits for each address, and says that there is more', async () => {
    const store = await WatchStore.open(join(folder, 'bounded.journal'), 10);
    const names = Array.from({ length: 4 }, (_, i) =>
      nameOf(`bob${i}@example.com`, [{ ...subscriberAt(hook(fast, `${i}`), `${i}`.repeat(24)), confirmed: false }]),
    );
    for (let i = 0; i < 20; i++) {
      for (const name of names) await store.commit(store.telling(name, noticeOf(`n${i}`), 0));
    }
    expect(store.queueLength).toBeLessThanOrEqual(10 + names.length);
    for (const name of names) {
      const own = [...store.queue()].filter(([, { subscriber }]) => subscriber === name.subscribers[0]?.id);
      expect(own.at(-1)?.[1].notice.subject).toContain('more changes than are told one by one');
    }
  });
});

describe('codes', () => {
  /** Has a name send codes to addresses. */
  async function invite(invitations: Invitations, identity: string, addresses: readonly string[]) {
    const { subscribers, secrets } = nextSubscribers(context, undefined, addresses, false);
    const name = nameOf(identity, subscribers);
    await context.store.commit([nameChange(name)]);
    return (await invitations.send({ name, secrets, change: 'new' })).map(({ state }) => state);
  }

  const hooks = (receiver: Receiver, from: number): readonly string[] =>
    Array.from({ length: 8 }, (_, i) => hook(receiver, `${from + i}`));
  const count = (states: readonly AddressState['state'][], one: AddressState['state']): number =>
    states.filter((state) => state === one).length;

  it('to slow receivers leave places for notices', async () => {
    const invitations = new Invitations(context);
    const { store } = context;
    const attack = Promise.all(
      Array.from({ length: 20 }, (_, i) => invite(invitations, `eve${i}@example.com`, hooks(slow, 8 * i))),
    );
    await until(() => slow.received.length > 0);
    await store.commit(store.telling(nameOf('bob@example.com', [subscriberAt(hook(fast))]), noticeOf('one'), 0));
    await deliverDue(context, SIGNAL);
    expect(fast.received).toHaveLength(1);
    await attack;
  });

  it('of one name flood nobody, whatever the addresses are called', async () => {
    const invitations = new Invitations(context);
    const states: AddressState['state'][] = [];
    for (let i = 0; i < 5; i++) states.push(...(await invite(invitations, 'eve@example.com', hooks(fast, 8 * i))));
    expect(fast.received).toHaveLength(16);
    expect(count(states, 'too-often')).toBe(24);
  });

  it('of several names do not flood the host of a webhook', async () => {
    const invitations = new Invitations(context);
    for (let i = 0; i < 8; i++) await invite(invitations, `eve${i}@example.com`, hooks(fast, 8 * i));
    expect(fast.received).toHaveLength(32);
  });

  it('of a stranger do not use up those that an owner may have', async () => {
    const invitations = new Invitations(context);
    fast.answer = (response, { body }) => void response.end(/Code: (\S+)/.exec(JSON.parse(body.toString()).text)?.[1]);
    for (let i = 0; i < 6; i++) await invite(invitations, 'eve@example.com', [hook(fast)]);
    expect(await invite(invitations, 'bob@example.com', [hook(fast)])).toEqual(['confirmed']);
    expect(context.store.name('bob@example.com')?.subscribers).toMatchObject([{ confirmed: true }]);
  });
});
