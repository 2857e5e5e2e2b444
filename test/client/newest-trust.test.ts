import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { newestTrust } from '../../src/client/newest-trust.ts';
import { Transport } from '../../src/client/transport.ts';
import { readTrust } from '../../src/client/trust.ts';
import { signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import type { TrustBundle } from '../../src/contract/trust-bundle.ts';
import { ed25519Vkey, formatVkey } from '../../src/core/audit/vkey.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { testSigner } from '../core/audit/test-signer.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { TestWitnesses } from '../support/test-witnesses.ts';
import { readState } from '../support/victims.ts';

const ALICE = 'alice@example.com';

/** A log whose server shows another bundle from some moment on; its newest head is that of `real`. */
describe('a client that knows the bundle before', () => {
  let server: TestServer;
  let witnesses: TestWitnesses;
  let others: TestWitnesses;
  let real: TrustBundle;
  let shown: string;

  beforeAll(async () => {
    witnesses = await TestWitnesses.create({ count: 2 });
    others = await TestWitnesses.create({ count: 2, keys: 'ml-dsa-44' });
    server = await createTestServer({ witnesses });
    real = server.bundle.bundle;
    const alice = await server.client();
    await alice.register(ALICE, { token: server.log.token, key: await generateKey() });
  }, 60_000);
  beforeEach(() => show(1, {}));
  afterAll(async () => {
    await server.close();
    await Promise.all([witnesses.remove(), others.remove()]);
  });

  async function show(sequence: number, change: Partial<TrustBundle>): Promise<void> {
    shown = formatTrustBundle(await signTrustBundle({ ...real, ...change, sequence }, [server.bundleKey]));
  }
  const send: Fetch = async (url, init) =>
    new URL(url).pathname === PATHS.trustBundle
      ? new Response(shown, { headers: { 'content-type': 'application/json' } })
      : fetch(url, init);
  const open = (state = new MemoryState()): Promise<KeyDirectory> =>
    KeyDirectory.open({ server: server.url, state, now: server.log.clock.now, fetch: send });
  const code = (expected: string): unknown => expect.objectContaining({ code: expected });

  const changes = [
    ['its witnesses', (): Partial<TrustBundle> => ({ witnessPolicy: others.text }), 'not-witnessed'],
    [
      'the key of its checkpoints',
      (): Partial<TrustBundle> => ({
        auditLogVkeys: [formatVkey(ed25519Vkey(real.origin, testSigner(77).publicKey))],
      }),
      'bad-checkpoint',
    ],
  ] as const;

  it.each(changes)('accuses no log that changed %s, and has no entry of the new bundle yet', async (_, change, lie) => {
    const state = new MemoryState();
    await (await open(state)).lookup(ALICE);
    const standing = await open();
    await standing.lookup(ALICE);
    await show(2, change());
    server.log.clock.advance(1000);
    await server.log.service.sequencer.step();
    await expect(standing.lookup(ALICE)).resolves.toMatchObject({ found: true });
    for (const client of [await open(state), await open(state)]) {
      await expect(client.lookup('nobody@example.com')).rejects.toThrow(code('release-stalled'));
      await expect(client.audit()).rejects.toThrow(code('release-stalled'));
    }
    // Nor does it explain anything once the log has shown a head under the new one: what that withdrew may be stolen.
    await state.transact(async (held) => ({
      next: { ...held, pinned: { ...held.pinned!, settled: true } },
      result: undefined,
    }));
    const settled = await open(state);
    await expect(settled.lookup(ALICE)).rejects.toThrow(code(lie));
    await expect(settled.audit()).rejects.toThrow(code(lie));
    // Who never knew the bundle before has nothing that explains it.
    const fresh = await open();
    await expect(fresh.lookup(ALICE)).rejects.toThrow(code(lie));
    await expect(fresh.audit()).rejects.toThrow(code(lie));
  });

  it.each(changes)('takes a bundle up while it is open, where the log changed %s', async (_, change) => {
    await show(1, {});
    const state = new MemoryState();
    const held = { ...real, ...change() };
    // The log's head is of the second bundle. The first one is held by a client that is open already.
    shown = formatTrustBundle(await signTrustBundle(held, [server.bundleKey]));
    const clients = [await open(state), await open(), await open(), await open(), await open()] as const;
    const [one, two, three, four, five] = clients;
    const isSettled = async (): Promise<unknown> => (await readState(state)).pinned?.settled;
    await show(2, {});
    await expect(one.lookup(ALICE)).resolves.toMatchObject({ found: true });
    expect([one.trust.bundle.sequence, await isSettled()]).toEqual([2, true]);
    await expect(two.lookupMany([ALICE])).resolves.toMatchObject([{ result: { found: true } }]);
    await expect(three.audit()).resolves.toMatchObject({ treeSize: expect.any(Number) as number });
    await expect(four.heads()).resolves.toContain('glasskey');
    await expect(five.own(ALICE)).resolves.toMatchObject({ role: 'owner' });
    expect((await open(state)).trust.bundle.sequence).toBe(2);
    await show(3, {});
    await open(state);
    expect(await isSettled()).toBeUndefined();
  });

  it('takes nothing for the wait for a new entry that is shorter than what it audited', async () => {
    const state = new MemoryState();
    const checkpoint = await (await fetch(server.url + PATHS.checkpoint)).text();
    server.log.clock.advance(server.log.context.limits.heartbeatMs);
    await server.log.service.sequencer.step();
    await (await open(state)).audit();
    await show(2, { witnessPolicy: others.text });
    const old: Fetch = async (url, init) =>
      new URL(url).pathname === PATHS.checkpoint ? new Response(checkpoint) : send(url, init);
    const client = await KeyDirectory.open({ server: server.url, state, now: server.log.clock.now, fetch: old });
    await expect(client.audit()).rejects.toThrow(code('tree-rolled-back'));
  });

  it.each([
    ['a contradiction of the log', 'log-forked', true],
    ['anything without a pin, whose bundle would be trusted on first use', 'bad-signature', false],
  ] as const)('asks no other bundle about %s', async (_, failure, isPinned) => {
    const state = new MemoryState();
    if (isPinned) await open(state);
    await show(2, { witnessPolicy: others.text });
    const asked: string[] = [];
    const counting: Fetch = (url, init) => {
      asked.push(url);
      return send(url, init);
    };
    const transport = new Transport({ server: server.url, fetch: counting, timeoutMs: 30_000 });
    const current = { trust: readTrust(real) };
    const work = vi.fn(() => Promise.reject(new GlasskeyError(failure, 'what an answer was refused for')));
    await expect(newestTrust(transport, state, current)(work)).rejects.toThrow(code(failure));
    expect(work).toHaveBeenCalledTimes(1);
    expect([asked, current.trust.bundle.sequence]).toEqual([[], 1]);
  });

  it('still refuses a head that neither bundle’s witnesses have seen, and takes up nothing that is not signed', async () => {
    await show(1, { witnessPolicy: others.text });
    const state = new MemoryState();
    const client = await open(state);
    await show(2, { witnessPolicy: others.text, recoveryDelayMs: 1000 });
    await expect(client.lookup(ALICE)).rejects.toThrow(code('not-witnessed'));
    await expect((await open(state)).lookup(ALICE)).rejects.toThrow(code('not-witnessed'));
    shown = shown.replace('"recoveryDelayMs": 1000', '"recoveryDelayMs": 1001');
    await expect(client.lookup(ALICE)).rejects.toThrow(code('not-witnessed'));
    expect(client.trust.bundle.recoveryDelayMs).toBe(1000);
  });
});
