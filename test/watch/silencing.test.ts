import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import {
  addressesHash,
  formatMandate,
  type Mandate,
  mandateMessage,
  parseMandate,
} from '../../src/client/mandate-text.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { LOG_PREFIX, PATHS } from '../../src/contract/paths.ts';
import { takeMandate, type TakenMandate } from '../../src/watch/mandates.ts';
import { nameRecordKey } from '../../src/watch/records.ts';
import { confirmWatched, endWhatRanOut } from '../../src/watch/upkeep.ts';
import { nameChange } from '../../src/watch/watch-store.ts';
import { lie, LyingOperator, refusal } from '../support/lying-operator.ts';
import { BY_OPERATOR } from '../support/victims.ts';
import { startWatcher, type TestWatcher } from '../support/watching.ts';

const DAY_MS = 86_400_000;
const MAIL = 'mailto:bob@elsewhere.example';

let operator: LyingOperator;
let watcher: TestWatcher;
let owner: KeyDirectory;
let key: ClientKey;
let identity: string;
let people = 0;
beforeAll(async () => {
  operator = await LyingOperator.start({
    configuration: { maxBehindMs: 100 * DAY_MS },
    limits: { maxClockAheadMs: Infinity },
  });
});
afterAll(() => operator.stop());
beforeEach(async () => {
  identity = `bob${people++}@example.com`;
  owner = await operator.client();
  key = await generateKey();
  await owner.register(identity, { token: operator.server.log.token, key });
});
afterEach(() => watcher.close());

type More = Partial<Parameters<typeof startWatcher>[0]>;

/** Starts a watcher that has audited the log. */
async function start(more: More = {}): Promise<void> {
  const { url: server, log } = operator.server;
  watcher = await startWatcher({ server, now: log.clock.now, ...more });
  await watcher.watcher.step();
}

/** Sends a mandate with other terms than an honest client would. */
async function send(
  by: ClientKey,
  addresses: readonly string[],
  terms: Partial<Mandate> = {},
): Promise<TakenMandate & { readonly mandate: string }> {
  later(1);
  const honest = parseMandate(
    await owner.watchMandate(identity, key, { watcher: watcher.context.publicKey, addresses: [], lifetimeMs: DAY_MS }),
  );
  const given = { ...honest, ...terms, signer: by.spki, addressesHash: addressesHash(addresses) };
  const mandate = formatMandate({ ...given, signature: await by.sign(mandateMessage(given)) });
  return { ...(await takeMandate(watcher.context, { identity, mandate, addresses })), mandate };
}

const later = (ms: number): void => operator.server.log.clock.advance(ms);
const name = () => watcher.context.store.name(identity);
const round = (): Promise<void> => watcher.watcher.step();
const subjects = (): readonly string[] => watcher.told(identity).map(({ subject }) => subject);
/** Subjects of what waits for an address. */
const waiting = (address: string): readonly string[] =>
  [...watcher.context.store.queue()].filter(([, one]) => one.address === address).map(([, one]) => one.notice.subject);

async function confirmAll({ secrets }: TakenMandate): Promise<void> {
  for (const { address, secret } of secrets) {
    if (address !== 'feed') expect(await confirmWatched(watcher.context, secret)).toBe(identity);
  }
}

/** Appends a version that nobody but the operator made; returns a key of it. */
async function appendFalse(): Promise<ClientKey> {
  const by = await generateKey();
  const certificates = [await operator.certify(identity, by.spki)];
  await operator.appendRecord(identity, { certificates, authorization: BY_OPERATOR });
  return by;
}

async function newest(): Promise<Mandate['versions']> {
  const { version, commitment } = (await operator.latest(identity))!;
  return [{ version, commitment }];
}

describe('nothing silences a watcher', () => {
  it('not a log that stands still for it: its owners hear that nobody watches', async () => {
    let frozen: Promise<[string, Uint8Array<ArrayBuffer>]> | undefined;
    await start({
      fetch: lie(`${LOG_PREFIX}checkpoint`, async (honest) => {
        frozen ??= honest().then(async (answer) => [
          answer.headers.get('content-type') ?? '',
          new Uint8Array(await answer.arrayBuffer()),
        ]);
        const [type, body] = await frozen;
        return new Response(body, { headers: { 'content-type': type } });
      }),
    });
    await watcher.watch(owner, identity, key);
    await round();
    expect(watcher.watcher.health.isBlind).toBe(false);
    later(102 * DAY_MS);
    await operator.appendNothing();
    await round();
    await round();
    expect(subjects()).toContainEqual(expect.stringMatching(/^Nobody watches your name/));
    expect(watcher.watcher.health.misbehaviour).toBeUndefined();
  });

  it('not a mandate that ends at once: the addresses are told for as long as those of a mandate that was replaced', async () => {
    await start();
    await watcher.watch(owner, identity, key);
    await send(key, ['feed'], { expiresMs: operator.server.log.clock.now() + 1_000 });
    await send(key, [], { expiresMs: operator.server.log.clock.now() + 1_000 });
    later(2 * 60_000);
    await round();
    await appendFalse();
    await round();
    expect(subjects().at(-1)).toMatch(/^ALARM: .* version 1 /);
    later(31 * DAY_MS);
    await operator.appendNothing();
    await round();
    expect(name()).toBeUndefined();
  });

  it('not a mandate by a key of a false version, sent before the watcher has looked: it is an alarm all the same', async () => {
    await start();
    await watcher.watch(owner, identity, key);
    const by = await appendFalse();
    await send(by, ['feed'], { versions: await newest() });
    expect(subjects()).toContainEqual(expect.stringMatching(/^ALARM: .* version 1 /));
    expect(subjects()).not.toContainEqual(expect.stringContaining('your version 1'));
  });

  it('not a mandate that is sent twice: the feed that was there is still read at its URL', async () => {
    await start();
    const { secrets } = await watcher.watch(owner, identity, key);
    const stolen = await send(key, ['feed']);
    const again = { identity, mandate: stolen.mandate, addresses: ['feed'] };
    expect((await takeMandate(watcher.context, again)).secrets).toHaveLength(1);
    await appendFalse();
    await round();
    const feed = watcher.context.store.feed(secrets[0]?.subscriber ?? '');
    expect(watcher.context.store.subscriber(secrets[0]?.subscriber ?? '')?.subscriber.secretHash).toBe(
      stolen.name.subscribers.find(({ id }) => id === secrets[0]?.subscriber)?.secretHash,
    );
    expect(feed?.entries[0]?.subject).toMatch(/^ALARM: /);
  });

  it('not many mandates with other addresses: the oldest address stays', async () => {
    await start();
    await confirmAll(await watcher.watch(owner, identity, key, [MAIL]));
    for (let i = 0; i < 4; i++) {
      later(1_000);
      const others = Array.from({ length: 7 }, (_, n) => `https://thief.example/${i}/${n}`);
      await confirmAll(await send(key, [MAIL, ...others]));
    }
    await send(key, []);
    await appendFalse();
    await round();
    expect(waiting(MAIL)).toContainEqual(expect.stringMatching(/^ALARM: .* version 1 /));
  });

  it('not a server that shows the newest of several versions alone', async () => {
    await start({ fetch: lie(PATHS.chain, refusal('erased')) });
    await watcher.watch(owner, identity, key);
    await appendFalse();
    await appendFalse();
    await appendFalse();
    await round();
    expect(subjects()).toContainEqual(expect.stringMatching(/^ALARM: .* has 2 further new versions$/));
    expect(subjects()).toContainEqual(expect.stringMatching(/^ALARM: .* version 3 /));
  });
});

describe('a log that misbehaves', () => {
  it('in turns in two ways floods nobody: each finding is told once a day', async () => {
    const served: string[] = [];
    let rounds = 0;
    await start({
      fetch: lie(`${LOG_PREFIX}checkpoint`, async (honest) => {
        served.push(await (await honest()).text());
        const [first = ''] = served;
        const lies = [first, first.replace(/^(\d+)$/m, '9$1')];
        return new Response(rounds === 0 ? served.at(-1) : lies[rounds % 2]);
      }),
    });
    await watcher.watch(owner, identity, key);
    await operator.appendNothing();
    await round();
    for (rounds = 1; rounds <= 10; rounds++) await round();
    const alarms = watcher.events.filter(({ type }) => type === 'alarm');
    expect(alarms.length).toBeGreaterThan(0);
    expect(alarms.length).toBeLessThanOrEqual(2);
  });

  it('by answering slowly about other names does not hold up what an owner hears', async () => {
    const SLOW_MS = 61_000;
    let isSlow = false;
    await start({
      fetch: lie(PATHS.lookup, async (honest) => {
        if (!isSlow) return honest();
        later(SLOW_MS);
        return refusal('overloaded')();
      }),
    });
    const decoys: string[] = [];
    for (let i = 0; i < 16; i++) {
      decoys.push(identity);
      await watcher.watch(owner, identity, key);
      identity = `carol${people++}@example.com`;
      key = await generateKey();
      await owner.register(identity, { token: operator.server.log.token, key });
    }
    await operator.appendNothing();
    await round();
    await watcher.watch(owner, identity, key);
    isSlow = true;
    const victim = identity;
    for (identity of decoys) await appendFalse();
    identity = victim;
    await appendFalse();
    const beganMs = watcher.context.now();
    for (let i = 0; i < 20 && subjects().length === 0; i++) {
      await round();
      later(1_000);
    }
    expect(watcher.context.now() - beganMs).toBeLessThan(13 * 60_000);
    expect(subjects()).toEqual([`ALARM: ${identity} got a new version that the server does not show`]);
  }, 60_000);
});

describe('a watcher that is started anew', () => {
  it('does not begin to count anew how long it has not seen the log', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'glasskey-blind-'));
    try {
      let isOut = false;
      const fetch = lie(`${LOG_PREFIX}checkpoint`, (honest) => (isOut ? refusal('overloaded')() : honest()));
      const more = { folder, fetch, state: new MemoryState(), publicKey: new Uint8Array(32) };
      await start(more);
      await watcher.watch(owner, identity, key);
      await round();
      isOut = true;
      for (let i = 0; i < 3; i++) {
        later(watcher.context.limits.blindMs / 2);
        await watcher.close();
        await start(more);
      }
      expect(subjects()).toEqual([expect.stringMatching(/^Nobody watches your name/)]);
      isOut = false;
      await operator.appendNothing();
      await round();
      expect(subjects().at(-1)).toMatch(/is watched again$/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('an address that is not confirmed', () => {
  it('gets a new code with each mandate, since the one before may not have come', async () => {
    await start();
    await watcher.watch(owner, identity, key, [MAIL]);
    const { secrets } = await send(key, [MAIL]);
    expect(secrets).toMatchObject([{ address: MAIL }]);
    await confirmAll({ secrets } as TakenMandate);
    expect((await send(key, [MAIL])).secrets).toEqual([]);
  });
});

describe('a change that was acknowledged', () => {
  it('is not undone by a look that was under way: a confirmation', async () => {
    let secret = '';
    await start({
      fetch: lie(PATHS.lookup, async (honest) => {
        const answer = await honest();
        if (secret !== '') await confirmWatched(watcher.context, secret);
        return answer;
      }),
    });
    const { secrets } = await watcher.watch(owner, identity, key, [MAIL]);
    await appendFalse();
    secret = secrets[0]?.secret ?? '';
    await round();
    expect(name()?.subscribers).toMatchObject([{ address: MAIL, confirmed: true }]);
    const due = [...watcher.context.store.queue()].filter(([, { nextMs }]) => nextMs <= watcher.context.now());
    expect(due).toHaveLength(1);
  });

  it('is not undone by a mandate that was under way: a confirmation', async () => {
    let secret = '';
    await start({
      fetch: lie(PATHS.lookup, async (honest) => {
        const answer = await honest();
        if (secret !== '') await confirmWatched(watcher.context, secret);
        return answer;
      }),
    });
    const { secrets } = await watcher.watch(owner, identity, key, [MAIL]);
    secret = secrets[0]?.secret ?? '';
    await send(key, ['feed', MAIL]);
    expect(name()?.subscribers).toContainEqual(expect.objectContaining({ address: MAIL, confirmed: true }));
  });

  it('is not undone by the upkeep of many names: a new mandate', async () => {
    await start();
    await watcher.watch(owner, identity, key);
    const one = name()!;
    const { store, now } = watcher.context;
    const others = Array.from({ length: 2_000 }, (_, i) => ({ ...one, identity: `${i}@example.com`, keys: [] }));
    await store.commit(others.map((other) => nameChange({ ...other, expiresMs: now() + 1, subscribers: [] })));
    // The name comes last in the store, and its mandate has ended when the upkeep begins.
    await store.commit([[nameRecordKey(identity), undefined]]);
    await store.commit([nameChange({ ...one, expiresMs: now() + 1 })]);
    later(1);
    const upkeep = endWhatRanOut(watcher.context);
    const renewed = store.commit([nameChange({ ...one, expiresMs: now() + DAY_MS })]);
    await Promise.all([upkeep, renewed]);
    expect(name()).toBeDefined();
    expect(store.nameCount).toBe(1);
  });
});

describe('a watcher that is full', () => {
  it('says to a stranger nothing about who is watched', async () => {
    await start({ limits: { names: 1 } });
    await watcher.watch(owner, identity, key);
    const asked = async (): Promise<string> => String(await send(await generateKey(), []).catch((error) => error));
    const watched = await asked();
    identity = `carol${people}@example.com`;
    key = await generateKey();
    await owner.register(identity, { token: operator.server.log.token, key });
    await operator.appendNothing();
    await round();
    expect(await asked()).toBe(watched);
    await expect(send(key, ['feed'])).rejects.toMatchObject({ code: 'overloaded' });
  });
});
