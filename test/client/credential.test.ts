import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GlasskeyError } from '../../src/core/errors.ts';
import { credentialLifetimeMs } from '../../src/core/keytrans/verify-credential.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { formatClientState, parseClientState } from '../../src/client/state/client-state-json.ts';
import { type ClientState, MemoryState } from '../../src/client/state/client-state.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { lie, LyingOperator, refusal } from '../support/lying-operator.ts';

const WINDOW_MS = 60_000;
const ALICE = 'alice@example.com';
const BOB = 'bob@example.com';
const code = (expected: string) => expect.objectContaining({ code: expected });

let operator: LyingOperator;
beforeEach(async () => {
  operator = await LyingOperator.start({
    configuration: { reasonableMonitoringWindowMs: WINDOW_MS, maxBehindMs: 86_400_000 },
  });
});
afterEach(() => operator.stop());

async function register(text: string, state = new MemoryState()) {
  const client = await operator.client({ state });
  const key = await generateKey();
  await client.register(text, { token: operator.server.log.token, key });
  return { client, key, state };
}

/** Lets time pass, and others register. */
async function pass(windows: number): Promise<void> {
  for (let i = 0; i < windows; i++) {
    operator.server.log.clock.advance(WINDOW_MS);
    await register(`someone${Math.random()}@example.com`);
  }
}

/** Others register at the same moment: what comes next is then left of no distinguished entry. */
async function crowd(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) await register(`one-of-many${Math.random()}@example.com`);
}

async function read(state: MemoryState): Promise<ClientState> {
  return state.transact((one) => Promise.resolve({ result: one }));
}

/** A client that asks nobody from now on. */
async function offline(state: MemoryState) {
  return operator.client({ state, offline: true, fetch: () => Promise.reject(new Error('asked')) });
}

describe('a credential', () => {
  it('is verified offline, and is final where its version is in a distinguished entry', async () => {
    const { client: bob } = await register(BOB);
    await pass(3);
    const state = new MemoryState();
    await (await operator.client({ state })).heads();
    const made = await bob.credential(BOB);
    expect(made).toMatchObject({ identity: BOB, version: 0, type: 'standard' });
    const before = await read(state);
    const alice = await offline(state);
    const binding = await alice.verifyCredential(made.text);
    expect(binding).toMatchObject({ identity: BOB, version: 0, final: true, change: { type: 'first-seen' } });
    expect(binding.certificates).toHaveLength(1);
    expect(binding.remaining).toEqual([]);
    expect(await read(state)).toEqual(before);
  });

  it('that somebody else makes tells what its lookup found, which no later one repeats', async () => {
    const { client: bob, key } = await register(BOB);
    const thief = await generateKey();
    const certificates = [await operator.certify(BOB, thief.spki)];
    await operator.appendRecord(BOB, { certificates, authorization: { type: 'operator', reason: 'x' } });
    await pass(3);
    const carol = await operator.client();
    const made = await carol.credential(BOB);
    expect(made.change).toMatchObject({ type: 'first-seen', links: [{ type: 'initial' }, { type: 'operator' }] });
    expect(made.alerts).toMatchObject([{ type: 'operator', version: 1 }]);
    await operator.appendRecord(BOB, { certificates, authorization: { type: 'maintenance', kind: 'renewal' } });
    await pass(1);
    expect((await carol.credential(BOB)).change.type).not.toBe('unchanged');
    expect(await carol.lookup(BOB)).toMatchObject({ binding: { change: { type: 'unchanged' } } });
    await expect(bob.credential(BOB)).resolves.toMatchObject({ alerts: [{ type: 'unexpected-version' }, {}] });
    expect(key.spki).not.toEqual(thief.spki);
  });

  it('is provisional after that, and is settled by monitoring', async () => {
    const { client: bob, key } = await register(BOB);
    await pass(3);
    const state = new MemoryState();
    const alice = await operator.client({ state });
    await alice.lookup(BOB);
    await crowd();
    await alice.heads();
    await bob.rotate(BOB, key, await generateKey());
    const made = await bob.credential(BOB);
    expect(made).toMatchObject({ version: 1, type: 'provisional' });
    const binding = await (await offline(state)).verifyCredential(made.text);
    expect(binding).toMatchObject({ version: 1, final: false, change: { type: 'key' } });
    expect(binding.remaining).toHaveLength(1);
    const pending = await read(state);
    expect(pending.credentials).toHaveLength(1);
    expect(parseClientState(formatClientState(pending))).toEqual(pending);
    await pass(3);
    await alice.monitor();
    expect((await read(state)).credentials).toEqual([]);
  });

  it('is refused where the version was taken back before it was settled', async () => {
    const { client: bob } = await register(BOB);
    await pass(3);
    const state = new MemoryState();
    const alice = await operator.client({ state });
    await crowd();
    await alice.heads();
    await register(ALICE);
    const made = await bob.credential(ALICE);
    await alice.verifyCredential(made.text);
    const kept = await read(state);
    const [pending] = kept.credentials;
    if (pending === undefined) throw new Error('not provisional');
    const prefixRoot = pending.unsettled.prefixRoot.map((byte) => byte ^ 1);
    const view = {
      ...pending.unsettled.view,
      fullSubtrees: pending.unsettled.view.fullSubtrees.map((one) => one.map((byte) => byte ^ 1)),
    };
    const other = { ...pending, unsettled: { ...pending.unsettled, prefixRoot, view } };
    await state.transact(() => Promise.resolve({ next: { ...kept, credentials: [other] }, result: undefined }));
    await pass(3);
    await expect(alice.settleCredentials()).rejects.toMatchObject({ code: 'log-forked' });
    expect((await read(state)).credentials).toHaveLength(1);
  });

  it('is taken back where the server denies what settles it', async () => {
    const { client: bob } = await register(BOB);
    await pass(3);
    const state = new MemoryState();
    const alice = await operator.client({ state });
    await crowd(3);
    await alice.heads();
    await register(ALICE);
    const made = await bob.credential(ALICE);
    await expect(alice.verifyCredential(made.text)).resolves.toMatchObject({ final: false });
    // With others of its moment on both sides, its entry does not become distinguished: the server has to be asked.
    await crowd();
    await pass(3);
    const refused = (said: string) => operator.client({ state, fetch: lie(PATHS.credentialUpdate, refusal(said)) });
    for (const denial of ['search-not-found', 'invalid-request', 'version-expired']) {
      await expect((await refused(denial)).settleCredentials(), denial).rejects.toThrow(code('version-rolled-back'));
      expect((await read(state)).credentials).toHaveLength(1);
    }
    await expect((await refused('overloaded')).settleCredentials()).rejects.toThrow(code('overloaded'));
    await expect(alice.settleCredentials()).resolves.toMatchObject([{ identity: ALICE, final: true }]);
  });

  /** A receiver who holds a provisional credential that the log settles only by an answer to a question. */
  async function receiver() {
    const { client: bob } = await register(BOB);
    await pass(3);
    const state = new MemoryState();
    const alice = await operator.client({ state });
    await crowd(3);
    await alice.heads();
    await register(ALICE);
    const { text } = await bob.credential(ALICE);
    await expect(alice.verifyCredential(text)).resolves.toMatchObject({ final: false });
    await crowd();
    return { alice, bob, state };
  }

  const lifetimeMs = () => credentialLifetimeMs(operator.server.log.context.configuration);
  const askedFor = (state: MemoryState, asked: string[]) =>
    operator.client({
      state,
      fetch: lie(PATHS.credentialUpdate, (honest) => {
        asked.push(PATHS.credentialUpdate);
        return honest();
      }),
    });

  it('is asked for at a random time, by which its sender cannot tell when it was read', async () => {
    const { state } = await receiver();
    const [pending] = (await read(state)).credentials;
    const { receivedAtMs, askAtMs } = pending!;
    expect(askAtMs).toBeGreaterThanOrEqual(receivedAtMs);
    expect(askAtMs).toBeLessThan(receivedAtMs + WINDOW_MS);
    await pass(2);
    const asked: string[] = [];
    const client = await askedFor(state, asked);
    const delay = (until: number | undefined) =>
      state.transact(async (one) => {
        const credentials = one.credentials.map((held) => ({ ...held, askAtMs: until }));
        return { next: { ...one, credentials }, result: credentials };
      });
    const kept = await delay(operator.server.log.clock.nowMs + 1);
    await client.monitor();
    expect([asked, (await read(state)).credentials.length]).toEqual([[], 1]);
    operator.server.log.clock.advance(1);
    await client.monitor();
    expect([asked, (await read(state)).credentials.length]).toEqual([[PATHS.credentialUpdate], 0]);
    // The user may ask at once, and a clock that was set back does not keep it waiting.
    await state.transact(async (one) => ({ next: { ...one, credentials: kept }, result: undefined }));
    await expect(client.settleCredentials()).resolves.toMatchObject([{ final: true, expired: false }]);
    const future = kept.map((one) =>
      Object.assign({}, one, { receivedAtMs: one.receivedAtMs + 1e9, askAtMs: one.receivedAtMs + 2e9 }),
    );
    await state.transact(async (one) => ({ next: { ...one, credentials: future }, result: undefined }));
    await client.monitor();
    expect((await read(state)).credentials).toEqual([]);
  });

  it('is reported where it expires before the log has settled it', async () => {
    const { state } = await receiver();
    await pass(2);
    const silent = await operator.client({ state, fetch: lie(PATHS.credentialUpdate, refusal('overloaded')) });
    await expect(silent.monitor()).rejects.toThrow(code('overloaded'));
    expect(await silent.alerts()).toEqual([]);
    operator.server.log.clock.advance(lifetimeMs() + 1);
    await operator.appendNothing();
    await expect(silent.monitor()).rejects.toThrow(code('overloaded'));
    expect((await read(state)).credentials).toEqual([]);
    const alerts = [{ identity: ALICE, type: 'unexplained', version: 0, reason: expect.stringMatching(/expired/) }];
    expect(await silent.alerts()).toMatchObject(alerts);
    // Every round shows it until the user has acknowledged it, though Alice was never looked up.
    const honest = await operator.client({ state });
    await expect(honest.monitor()).resolves.toMatchObject([{ role: 'contact', identity: ALICE, alerts }]);
    await honest.acknowledge();
    await expect(honest.monitor()).resolves.toEqual([]);
  });

  it('is settled in time although it was received long ago, and expires if nothing settles it', async () => {
    const { alice, state } = await receiver();
    const kept = await read(state);
    await pass(2);
    operator.server.log.clock.advance(lifetimeMs() - 2 * WINDOW_MS + 1);
    await operator.appendNothing();
    await expect(alice.settleCredentials()).resolves.toMatchObject([{ final: true, expired: false }]);
    // A log that goes on as if nothing had happened after it.
    const endless = kept.credentials.map((one) => {
      const view = { ...one.unsettled.view, size: 1001, frontier: [] };
      return Object.assign({}, one, { unsettled: { ...one.unsettled, terminalPosition: 1000, view } });
    });
    await state.transact(async (one) => ({ next: { ...one, credentials: endless }, result: undefined }));
    await expect(alice.settleCredentials()).resolves.toMatchObject([{ final: false, expired: true }]);
    expect(await alice.alerts()).toMatchObject([
      { identity: ALICE, reason: expect.stringMatching(/no distinguished/) },
    ]);
  });

  it('of a fork keeps no other from being settled', async () => {
    const { alice, state } = await receiver();
    const [honest] = (await read(state)).credentials;
    const frontier = honest!.unsettled.view.frontier.map((entry) =>
      Object.assign({}, entry, { timestampMs: entry.timestampMs + 1 }),
    );
    const fork = {
      ...honest!,
      identity: BOB,
      unsettled: { ...honest!.unsettled, view: { ...honest!.unsettled.view, frontier } },
    };
    await state.transact(async (one) => ({ next: { ...one, credentials: [fork, honest!] }, result: undefined }));
    await pass(2);
    await expect(alice.settleCredentials()).rejects.toThrow(code('log-forked'));
    expect((await read(state)).credentials.map(({ identity }) => identity)).toEqual([BOB]);
  });

  it('expires, and is refused where a later version or no head is known', async () => {
    const { client: bob, key } = await register(BOB);
    await pass(3);
    const early = await bob.credential(BOB);
    await expect((await offline(await pinned())).verifyCredential(early.text)).rejects.toThrow(code('unknown-head'));
    const state = new MemoryState();
    const alice = await operator.client({ state });
    await alice.heads();
    await bob.rotate(BOB, key, await generateKey());
    await alice.lookup(BOB);
    await expect(alice.verifyCredential(early.text)).rejects.toThrow(code('credential-expired'));
    operator.server.log.clock.advance(30 * WINDOW_MS + 86_400_000);
    await expect((await offline(state)).verifyCredential(early.text)).rejects.toThrow(code('credential-expired'));
  });

  it('is refused with any byte changed, and of another log', async () => {
    const { client: bob } = await register(BOB);
    await pass(3);
    const { text } = await bob.credential(BOB);
    const lines = text.split('\n');
    for (let line = 1; line < lines.length - 2; line += 3) {
      const changed = lines.map((one, i) =>
        i === line ? one.replace(/[A-Za-y]/, (c) => String.fromCharCode(c.charCodeAt(0) ^ 1)) : one,
      );
      if (changed.join() === lines.join()) continue;
      await expect(bob.verifyCredential(changed.join('\n'))).rejects.toThrow(GlasskeyError);
    }
    await expect(bob.verifyCredential('hello')).rejects.toThrow(code('malformed-encoding'));
    await expect(bob.verifyCredential(text)).resolves.toMatchObject({ final: true });
  });

  it('is of somebody who is registered', async () => {
    const { client } = await register(BOB);
    await pass(3);
    await expect(client.credential(ALICE)).rejects.toThrow(code('search-not-found'));
  });
});

/** A state that knows the bundle and nothing else. */
async function pinned(): Promise<MemoryState> {
  const state = new MemoryState();
  await operator.client({ state });
  return state;
}

describe('heads', () => {
  it('of two people of one log agree', async () => {
    const { client: bob } = await register(BOB);
    await pass(3);
    const alice = await operator.client({ state: new MemoryState() });
    const text = await bob.heads();
    await pass(2);
    await expect(alice.compareHeads(`${text.slice(0, 40)}\n${text.slice(40)}`)).resolves.toMatchObject({
      common: expect.any(Number) as number,
    });
  });

  it('that differ are a fork; those of another log or of nothing are not compared', async () => {
    const { client: bob } = await register(BOB);
    await pass(3);
    const text = await bob.heads();
    const raw = Buffer.from(text.slice('glasskey-heads:'.length), 'base64url');
    raw[raw.length - 1] = (raw.at(-1) ?? 0) ^ 1;
    await expect(bob.compareHeads(`glasskey-heads:${raw.toString('base64url')}`)).rejects.toThrow(code('log-forked'));
    raw[3] = (raw[3] ?? 0) ^ 1;
    await expect(bob.compareHeads(`glasskey-heads:${raw.toString('base64url')}`)).rejects.toThrow(code('usage'));
    await expect(bob.compareHeads('glasskey-heads:AAAA')).rejects.toThrow(code('malformed-encoding'));
  });
});
