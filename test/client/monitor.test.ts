import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatPem } from '../../src/ca/der/pem.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { lie, LyingOperator, refusal } from '../support/lying-operator.ts';
import { newDeviceKey } from '../support/owner.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { readState } from '../support/victims.ts';

const WINDOW_MS = 60_000;
const ALICE = 'alice@example.com';
const BOB = 'bob@example.com';
const code = (...expected: string[]) =>
  expect.objectContaining({ code: expect.toSatisfy((one: string) => expected.includes(one)) as string });

let operator: LyingOperator;
beforeEach(async () => {
  operator = await LyingOperator.start({
    configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
  });
});
afterEach(() => operator.stop());

/** Registers an identity with a client of its own, and gives that client. */
async function register(text: string, state = new MemoryState()) {
  const client = await operator.client({ state });
  const { token } = operator.server.log;
  const key = await generateKey();
  await client.register(text, { token, key });
  return { client, key, state };
}

const spkiOf = ({ spki }: ClientKey): string => formatHex(sha256(spki));

/** Lets time pass, and others register. */
async function pass(windows: number): Promise<void> {
  for (let i = 0; i < windows; i++) {
    operator.server.log.clock.advance(WINDOW_MS);
    await register(`someone${Math.random()}@example.com`);
  }
}

/** The operator signs another key for an identity, and logs it like any version. */
async function addFalseKey(text: string, authorization: 'operator' | 'maintenance' = 'operator'): Promise<void> {
  const { spki } = await newDeviceKey();
  const latest = await operator.latest(text);
  const certificates = [...(latest?.record.certificates ?? []), await operator.certify(text, spki)];
  await operator.appendRecord(text, {
    certificates,
    authorization:
      authorization === 'operator'
        ? { type: 'operator', reason: 'trust me' }
        : { type: 'maintenance', kind: 'renewal' },
  });
}

describe('an owner', () => {
  it('is told nothing while nothing happens, from before the first distinguished entry on', async () => {
    const { client } = await register(BOB);
    const [early] = await client.monitor();
    expect(early).toMatchObject({ role: 'owner', identity: BOB, alerts: [], added: [] });
    await pass(3);
    const [late] = await client.monitor();
    expect(late).toMatchObject({ role: 'owner', alerts: [], added: [], binding: { version: 0 } });
    expect((late as { verifiedTo: number }).verifiedTo).toBeGreaterThan(0);
    await pass(3);
    await expect(client.monitor([BOB])).resolves.toMatchObject([{ alerts: [], added: [] }]);
  });

  it('knows what it did itself: rotations, renewals, revocations', async () => {
    const { client, key } = await register(BOB);
    await pass(2);
    await client.monitor();
    const next = await generateKey();
    await client.rotate(BOB, key, next);
    await pass(2);
    await expect(client.monitor()).resolves.toMatchObject([{ alerts: [], added: [], binding: { version: 1 } }]);
    const third = await generateKey();
    await client.register(BOB, { credentials: next, key: third });
    await client.revoke(BOB, third);
    await pass(2);
    await expect(client.monitor()).resolves.toMatchObject([{ alerts: [], added: [], binding: { version: 3 } }]);
    const { versions } = await client.history(BOB);
    expect(versions.map(({ version, origin }) => [version, origin])).toEqual([0, 1, 2, 3].map((v) => [v, 'made']));
    expect(versions.map(({ link }) => link)).toEqual(['initial', 'key', 'key', 'key']);
  });

  it.each([0, 3])('is told of a false key that was added %i windows after it last looked', async (windows) => {
    const { client, state } = await register(BOB);
    await pass(2);
    await client.monitor();
    await addFalseKey(BOB);
    await pass(windows);
    const [told] = await client.monitor();
    expect(told).toMatchObject({ role: 'owner', alerts: [{ type: 'unexpected-version', version: 1, identity: BOB }] });
    expect(told).toMatchObject({ binding: { version: 1, change: { type: 'operator' } } });
    // It stays told, also to a client of the same state, until it is acknowledged.
    const again = await operator.client({ state });
    await expect(again.monitor()).resolves.toMatchObject([{ alerts: [{ version: 1 }], added: [] }]);
    await expect(again.acknowledge([BOB])).resolves.toHaveLength(1);
    await expect(again.monitor()).resolves.toMatchObject([{ alerts: [] }]);
  });

  it('is told of a false key that was taken back, and of one that calls itself maintenance', async () => {
    const { client } = await register(BOB);
    await pass(2);
    await client.monitor();
    const honest = await operator.latest(BOB);
    await addFalseKey(BOB, 'maintenance');
    await operator.appendRecord(BOB, {
      certificates: honest?.record.certificates ?? [],
      authorization: { type: 'maintenance', kind: 'expiry' },
    });
    await pass(3);
    const [told] = await client.monitor();
    expect(told).toMatchObject({ alerts: [{ version: 1 }, { version: 2 }] });
  });

  it.each([
    ['revocation', { type: 'maintenance', kind: 'revocation', reason: 1 }],
    ['expiry', { type: 'maintenance', kind: 'expiry' }],
    ['renewal', { type: 'maintenance', kind: 'renewal' }],
  ] as const)('is told of a valid key that the service took away, and called it a %s', async (kind, authorization) => {
    const { client, key } = await register(BOB);
    const kept = await generateKey();
    await client.register(BOB, { credentials: key, key: kept });
    await pass(2);
    await client.monitor();
    const [, remaining] = (await operator.latest(BOB))!.record.certificates as [Uint8Array, Uint8Array];
    const renewed = kind === 'renewal' ? [await operator.certify(BOB, kept.spki)] : [];
    await operator.appendRecord(BOB, { certificates: [remaining, ...renewed], authorization });
    const reason = expect.stringMatching(/^version 2 removed a key whose certificate is valid/) as string;
    await expect(client.monitor([BOB])).resolves.toMatchObject([{ alerts: [{ version: 2, reason }] }]);
  });

  it('is not told of a certificate that has expired, or was renewed for its key', async () => {
    const { client, key } = await register(BOB);
    await client.register(BOB, { credentials: key, key: await generateKey() });
    await pass(1);
    await client.monitor();
    const [, second] = (await operator.latest(BOB))!.record.certificates as [Uint8Array, Uint8Array];
    const authorization = { type: 'maintenance', kind: 'renewal' } as const;
    const again = await operator.certify(BOB, key.spki);
    await operator.appendRecord(BOB, { certificates: [second, again], authorization });
    await expect(client.monitor([BOB])).resolves.toMatchObject([{ alerts: [], added: [{ origin: 'maintenance' }] }]);
    operator.server.log.clock.advance(100 * 86_400_000);
    const now = await operator.certify(BOB, key.spki);
    await operator.appendRecord(BOB, { certificates: [now], authorization });
    await expect(client.monitor([BOB])).resolves.toMatchObject([{ alerts: [], added: [{ origin: 'maintenance' }] }]);
  });

  it('notices a log that shows it nothing new while contacts see a new version', async () => {
    const { client, state } = await register(BOB);
    await pass(2);
    await client.monitor();
    await addFalseKey(BOB);
    await pass(3);
    const fetch = lie(PATHS.update, () =>
      Promise.resolve(
        Response.json(
          { code: 'search-not-found', title: 'none', status: 404 },
          { status: 404, headers: { 'content-type': 'application/problem+json' } },
        ),
      ),
    );
    const deceived = await operator.client({ state, fetch });
    await expect(deceived.monitor()).rejects.toEqual(code('unexpected-version'));
  });

  it('adopts what is there when it takes an identity over', async () => {
    await register(BOB);
    await pass(2);
    const client = await operator.client();
    await expect(client.own(BOB)).resolves.toMatchObject({ added: [{ version: 0, origin: 'adopted' }], alerts: [] });
    await expect(client.own('nobody@example.com')).rejects.toEqual(code('identity-not-found'));
  });

  it('takes an identity over only with the keys that it expects', async () => {
    const { key } = await register(BOB);
    const client = await operator.client();
    for (const expected of [[], ['0'.repeat(64)], [spkiOf(key), '0'.repeat(64)]]) {
      await expect(client.own(BOB, { expected })).rejects.toEqual(code('unexpected-version'));
      await expect(client.monitoringDue()).resolves.toEqual([]);
    }
    await expect(client.own(BOB, { expected: [spkiOf(key)] })).resolves.toMatchObject({ added: [{ version: 0 }] });
  });
});

describe('a contact', () => {
  it('monitors what it looked up until it is settled', async () => {
    await pass(3);
    await register(BOB);
    const state = new MemoryState();
    const alice = await operator.client({ state });
    await alice.lookup(BOB);
    await expect(alice.monitoringDue()).resolves.toEqual([
      { identity: BOB, role: 'contact', monitoredAtMs: undefined },
    ]);
    const [first] = await alice.monitor();
    expect(first).toMatchObject({ role: 'contact', identity: BOB });
    await pass(4);
    const [settled] = await alice.monitor();
    expect(settled).toMatchObject({ role: 'contact', remaining: [] });
    await expect(alice.monitor()).resolves.toEqual([]);
    await expect(alice.monitor([ALICE])).rejects.toEqual(code('identity-not-found'));
  });

  it('looks a version up', async () => {
    const { client, key } = await register(BOB);
    await client.rotate(BOB, key, await generateKey());
    const alice = await operator.client();
    const first = await alice.lookupVersion(BOB, 0);
    expect(first).toMatchObject({
      identity: BOB,
      version: 0,
      link: 'initial',
      change: { links: [{ version: 0, type: 'initial' }] },
    });
    expect(first.certificates.map(({ spki }) => spki)).toEqual([key.spki]);
    await expect(alice.lookup(BOB)).resolves.toMatchObject({ binding: { version: 1, change: { type: 'key' } } });
    await expect(alice.lookupVersion(BOB, 7)).rejects.toEqual(code('search-not-found'));
  });
});

describe('what a lookup notices', () => {
  it('is told until it is acknowledged, by every operation and every client of the state', async () => {
    await register(BOB);
    const state = new MemoryState();
    const alice = await operator.client({ state });
    await alice.lookup(BOB);
    await addFalseKey(BOB);
    await addFalseKey(BOB);
    const alerts = [
      { type: 'operator', version: 1, identity: BOB, value: undefined },
      { type: 'operator', version: 2, identity: BOB, value: expect.any(Uint8Array) as Uint8Array },
    ];
    await expect(alice.lookup(BOB)).resolves.toMatchObject({ binding: { change: { type: 'operator' }, alerts } });
    const again = await operator.client({ state });
    const later = await again.lookup(BOB);
    expect(later).toMatchObject({ binding: { change: { type: 'unchanged' }, alerts } });
    await expect(again.lookupVersion(BOB, 0)).resolves.toMatchObject({ alerts });
    await expect(again.monitor([BOB])).resolves.toMatchObject([{ role: 'contact', alerts }]);
    await pass(3);
    for (const round of [1, 2, 3]) {
      const told = await again.monitor();
      expect(told, `round ${round}`).toMatchObject([{ role: 'contact', identity: BOB, alerts }]);
    }
    await expect(again.acknowledge([ALICE])).resolves.toEqual([]);
    await expect(again.alerts()).resolves.toMatchObject(alerts);
    await expect(again.acknowledge([BOB])).resolves.toHaveLength(2);
    await expect(again.monitor()).resolves.toEqual([]);
    await expect(again.lookup(BOB)).resolves.toMatchObject({ binding: { alerts: [] } });
  });

  it('is told of a chain that does not close', async () => {
    await register(BOB);
    const state = new MemoryState();
    const alice = await operator.client({ state });
    await alice.lookup(BOB);
    const certificates = (await operator.latest(BOB))?.record.certificates ?? [];
    const authorization = { type: 'maintenance', kind: 'renewal' } as const;
    await operator.appendRecord(BOB, { certificates, authorization, previousCommitment: new Uint8Array(32) });
    const alerts = [{ type: 'unexplained', version: 1 }];
    await expect(alice.lookup(BOB)).resolves.toMatchObject({ binding: { change: { type: 'unexplained' }, alerts } });
    await expect(alice.monitor([BOB])).resolves.toMatchObject([{ alerts }]);
  });

  it('is kept where the operation that noticed it throws', async () => {
    const { key } = await register(BOB);
    const alice = await operator.client();
    await alice.lookup(BOB);
    const old = (await operator.latest(BOB))?.record.certificates[0] ?? new Uint8Array();
    const certificates = [await operator.certify(BOB, key.spki)];
    await operator.appendRecord(BOB, { certificates, authorization: { type: 'operator', reason: 'trust me' } });
    const pem = formatPem('CERTIFICATE', old);
    await expect(alice.verifyCertificate(pem)).rejects.toEqual(code('certificate-not-in-record'));
    await expect(alice.alerts()).resolves.toMatchObject([{ type: 'operator', version: 1 }]);
    await expect(alice.lookup(BOB)).resolves.toMatchObject({ binding: { change: { type: 'operator' } } });
    await expect(alice.alerts()).resolves.toHaveLength(1);
  });
});

describe('a round of monitoring', () => {
  /** The state of a client that has looked people up, of whom so many still have to be monitored: their names. */
  async function watching(count: number) {
    await pass(3);
    const state = new MemoryState();
    const client = await operator.client({ state });
    let due: readonly string[] = [];
    for (let i = 0; due.length < count; i++) {
      await register(`contact${i}@example.com`);
      await client.lookup(`contact${i}@example.com`);
      due = (await client.monitoringDue()).map(({ identity }) => identity);
    }
    return { state, due };
  }

  it('changes the state once', async () => {
    const { state, due } = await watching(3);
    let changes = 0;
    const counted: StateStore = {
      transact: (work) =>
        state.transact(async (current) => {
          const change = await work(current);
          if (change.next !== undefined) changes++;
          return change;
        }),
    };
    const client = await operator.client({ state: counted });
    changes = 0;
    await expect(client.monitor(due)).resolves.toHaveLength(3);
    expect(changes).toBe(1);
  });

  it('goes on where one of many fails, and tells of the worst', async () => {
    const { state, due } = await watching(3);
    const refused = Response.json(
      { code: 'erased', title: 'gone', status: 410 },
      { status: 410, headers: { 'content-type': 'application/problem+json' } },
    );
    const answers = [refused, new Response('no proof')];
    const fetch = lie(PATHS.contactMonitor, async (honest) => answers.shift() ?? honest());
    const client = await operator.client({ state, fetch });
    await expect(client.monitor()).rejects.toMatchObject({
      code: 'malformed-encoding',
      message: expect.stringContaining(due[1] ?? '-') as string,
    });
    const { contacts } = await readState(state);
    const monitored = [...contacts].filter(([, { monitoredAtMs }]) => monitoredAtMs !== undefined);
    expect(monitored.map(([text]) => text)).toEqual(due.slice(2));
    await expect(client.monitor()).resolves.toHaveLength(3);
  });

  it('gives the state to others now and then, and stops where nobody answers', async () => {
    const { state, due } = await watching(2);
    let tries = 0;
    const slow = lie(PATHS.contactMonitor, (honest) => {
      operator.server.log.clock.advance(5000);
      tries++;
      return tries > 2 ? Promise.reject(new TypeError('fetch failed')) : honest();
    });
    const client = await operator.client({ state, fetch: slow });
    const before = await readState(state);
    await expect(client.monitor()).resolves.toHaveLength(2);
    await state.transact(() => Promise.resolve({ next: before, result: undefined }));
    await expect(client.monitor(due)).rejects.toMatchObject({ code: 'network-failed' });
    expect(tries).toBe(3);
  });
});

describe('a server that no longer shows what it showed', () => {
  it.each(['invalid-request', 'search-not-found', 'version-expired'])(
    'is noticed, though it only says %s',
    async (said) => {
      const { state: owners } = await register(BOB);
      await pass(3);
      const contacts = new MemoryState();
      const alice = await operator.client({ state: contacts });
      for (let i = 0; (await alice.monitoringDue()).length === 0; i++) {
        await register(`contact${i}@example.com`);
        await alice.lookup(`contact${i}@example.com`);
      }
      await (await operator.client({ state: owners })).monitor();
      await pass(2);
      for (const [state, path] of [
        [contacts, PATHS.contactMonitor],
        [owners, PATHS.ownerMonitor],
      ] as const) {
        const client = await operator.client({ state, fetch: lie(path, refusal(said)) });
        const before = await readState(state);
        await expect(client.monitor(), path).rejects.toEqual(code('version-rolled-back'));
        expect(await readState(state)).toBe(before);
      }
      const busy = await operator.client({ state: contacts, fetch: lie(PATHS.contactMonitor, refusal('overloaded')) });
      await expect(busy.monitor()).rejects.toEqual(code('overloaded'));
    },
  );
});

describe('a log that forgets its past', () => {
  it('is told of once by whoever was away for longer, and is monitored from then on', async () => {
    await operator.stop();
    operator = await LyingOperator.start({
      configuration: {
        reasonableMonitoringWindowMs: WINDOW_MS,
        maximumLifetimeMs: 4 * WINDOW_MS,
        maxBehindMs: 3 * WINDOW_MS,
      },
    });
    const { state: owners, client: owner, key } = await register(BOB);
    await pass(3);
    await owner.monitor();
    const contacts = new MemoryState();
    const alice = await operator.client({ state: contacts });
    for (let i = 0; (await alice.monitoringDue()).length === 0; i++) {
      await register(`contact${i}@example.com`);
      await alice.lookup(`contact${i}@example.com`);
    }
    // Nobody else knows of this change: the owner asks for it from another device.
    await (await operator.client()).rotate(BOB, key, await generateKey());
    await pass(12);
    for (const state of [contacts, owners]) {
      const client = await operator.client({ state });
      const [told] = await client.monitor();
      expect(told?.alerts.map(({ type }) => type)).toContain('unexplained');
      await client.acknowledge();
      await pass(1);
      const later = await client.monitor();
      expect(later.flatMap(({ alerts }) => alerts)).toEqual([]);
    }
  });
});

describe('versions of an own label that the log does not show', () => {
  it('are told of, by lookups too, and keep nothing else from being checked', async () => {
    const { state } = await register(BOB);
    await pass(2);
    await addFalseKey(BOB);
    await addFalseKey(BOB);
    const erased = lie(PATHS.chain, () =>
      Promise.resolve(
        Response.json(
          { code: 'erased', title: 'gone', status: 410 },
          { status: 410, headers: { 'content-type': 'application/problem+json' } },
        ),
      ),
    );
    const client = await operator.client({ state, fetch: erased });
    const alerts = [{ type: 'unexplained', version: 2 }];
    await expect(client.lookup(BOB)).resolves.toMatchObject({ binding: { version: 2, alerts } });
    await expect(client.monitor()).resolves.toMatchObject([{ alerts }]);
    await addFalseKey(BOB);
    const later = [...alerts, { type: 'unexpected-version', version: 3 }];
    await expect(client.monitor()).resolves.toMatchObject([{ alerts: later }]);
  });
});
