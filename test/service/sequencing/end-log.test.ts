import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { KeyDirectory } from '../../../src/client/key-directory.ts';
import type { Fetch } from '../../../src/core/net/bounded-fetch.ts';
import { PATHS } from '../../../src/contract/paths.ts';
import { type LogEnd, type SignedLogEnd, signedLogEndCodec, signLogEnd } from '../../../src/core/audit/log-end.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { type EndedLog, endLog } from '../../../src/service/sequencing/end-log.ts';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { Sequencer } from '../../../src/service/sequencing/sequencer.ts';
import { emptyDatabase } from '../../store/each-store.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';
import { TestWitnesses } from '../../support/test-witnesses.ts';

const DAY_MS = 86_400_000;
const successor = {
  origin: 'log.example/next',
  url: 'https://next.example',
  fingerprint: new Uint8Array(32).fill(5),
  bundleKey: new Uint8Array(32).fill(6),
};

let server: TestServer;
let witnesses: TestWitnesses | undefined;
afterEach(async () => {
  await server.close();
  await witnesses?.remove();
  witnesses = undefined;
});

const signed = (position: number, change: Partial<LogEnd> = {}): Promise<SignedLogEnd> => {
  const { origin } = server.log.context;
  const end: LogEnd = { format: 1, origin, position, reason: 'moved', successor, ...change };
  return signLogEnd(end, (message) => server.bundleKey.sign(message));
};
const end = (sign = signed): Promise<EndedLog> =>
  endLog(server.log.context, { sign, who: 'admin:test', acceptClockGap: false });
const open = (state = new MemoryState(), fetch?: Fetch): Promise<KeyDirectory> =>
  KeyDirectory.open({ server: server.url, state, now: server.log.clock.now, fetch });

async function register(name: string): Promise<void> {
  const { token, service } = server.log;
  const request = (await open()).register(name, { token, key: await generateKey() });
  const step = () => service.sequencer.step().then(() => new Promise(setImmediate));
  const settled = request.then(() => 'done' as const);
  while ((await Promise.race([settled, step()])) !== 'done');
}

describe.each(['postgres', 'pglite'] as const)('a log that is ended on %s', (kind) => {
  beforeEach(async () => {
    witnesses = await TestWitnesses.create();
    server = await createTestServer({ target: await emptyDatabase(kind), loop: false, witnesses });
    await server.log.service.sequencer.step();
    await register('alice@example.com');
  }, 120_000);

  it('appends nothing, refuses registrations, and is read for ever by clients that know why', async () => {
    const { service, clock, token, context } = server.log;
    const state = new MemoryState();
    const seen = await open(state);
    await seen.lookup('alice@example.com');
    expect(await seen.logEnd()).toBeUndefined();
    const { position, released } = await end();
    expect(released).toBe(true);
    const size = position + 1;
    expect(await context.store.readHead()).toMatchObject({ size });
    clock.advance(20 * DAY_MS);
    expect(await new Sequencer(context, service.progress).step()).toBe('idle');
    expect(await context.store.readHead()).toMatchObject({ size });
    await expect(end()).rejects.toMatchObject({ code: 'log-ended' });

    for (const client of [await open(), await open(state)]) {
      expect(await client.lookup('alice@example.com')).toMatchObject({ found: true });
      expect(await client.lookup('nobody@example.com')).toMatchObject({ found: false, treeSize: size });
      expect(await client.logEnd()).toMatchObject({ position, reason: 'moved', successor });
      expect(await client.monitor()).toEqual(expect.any(Array));
      expect(await client.own('alice@example.com')).toMatchObject({ identity: 'alice@example.com' });
      expect(await client.audit()).toMatchObject({ treeSize: size, end: { position, successor } });
    }
    const again = await open(state);
    expect(await again.monitor()).toMatchObject([{ identity: 'alice@example.com' }]);
    expect(again.trust.bundle.origin).toBe(context.origin);
    const late = again.register('late@example.com', { token, key: await generateKey() });
    await expect(late).rejects.toMatchObject({ code: 'log-ended' });
    expect((await fetch(server.url + PATHS.ready)).status).toBe(200);
    expect(await (await fetch(server.url + PATHS.metrics)).text()).toContain('glasskey_log_ended 1');
    const served = await fetch(server.url + PATHS.logEnd);
    expect(served.headers.get('cache-control')).toContain('immutable');
    expect(new Uint8Array(await served.arrayBuffer())).toEqual(await context.store.readLogEnd());
  }, 120_000);

  it('is released by a server later where witnesses are not there, and shows nothing of it before', async () => {
    const { service, context, clock } = server.log;
    const ended = await end((position) => {
      witnesses?.down(0, 1, 2);
      return signed(position);
    });
    expect(ended.released).toBe(false);
    expect((await fetch(server.url + PATHS.logEnd)).status).toBe(404);
    witnesses?.down();
    clock.advance(DAY_MS / 2);
    const later = new Sequencer(context, service.progress);
    expect(await later.step()).toBe('idle');
    expect((await fetch(server.url + PATHS.logEnd)).status).toBe(200);
    expect(await (await open()).lookup('alice@example.com')).toMatchObject({ found: true });
    // Whom it would ask may be gone: nothing is signed any more.
    witnesses?.down(0, 1, 2);
    expect(await new Sequencer(context, service.progress).step()).toBe('idle');
  }, 120_000);

  it('is not ended while somebody else writes, nor where its witnesses cannot say what they have seen', async () => {
    const lock = await server.log.context.store.tryWriterLock();
    await expect(end()).rejects.toMatchObject({ code: 'storage-locked' });
    await lock?.release();
    witnesses?.down(0, 1, 2);
    await expect(end()).rejects.toMatchObject({ code: 'release-stalled' });
    expect(await server.log.context.store.readLogEnd()).toBeUndefined();
  }, 120_000);
});

/** The store as a process has it that is killed at its call of number `at`: before it, or when it is done and not answered. */
function killedStore(store: LogStore, at: number, isDone: boolean): { readonly store: LogStore; calls: number } {
  const killed = { store, calls: 0 };
  const get = (target: LogStore, name: keyof LogStore): unknown => {
    const call = target[name] as (...args: unknown[]) => Promise<unknown>;
    // The database gives back the lock of a process that is gone.
    if (name === 'tryWriterLock') return call.bind(target);
    return async (...args: unknown[]): Promise<unknown> => {
      killed.calls++;
      if (killed.calls < at) return call.apply(target, args);
      if (killed.calls === at && isDone) await call.apply(target, args);
      throw new GlasskeyError('storage-failed', 'killed');
    };
  };
  return Object.assign(killed, { store: new Proxy(store, { get }) });
}

describe.each([true, false])('a process that is killed while it ends a log (answers lost: %s)', (isDone) => {
  let auditor: MemoryState;
  async function begin(): Promise<void> {
    server = await createTestServer({ loop: false });
    auditor = new MemoryState();
    await (await open(auditor)).audit();
  }

  it('has ended it or not, and signed nothing that the next one contradicts', async () => {
    await begin();
    const left = { ended: 0, going: 0 };
    for (let at = 1; ; at++) {
      const { context, service, clock } = server.log;
      clock.advance(1000);
      const killed = killedStore(context.store, at, isDone);
      const run = endLog(
        { ...context, store: killed.store },
        { sign: signed, who: 'admin:test', acceptClockGap: false },
      );
      const failed = await run.then(
        () => false,
        () => true,
      );
      // Another process takes it up.
      const next = new LogService(await openLog(server.log.options), { sequence: false });
      expect(await next.sequencer.step()).toBe('idle');
      await service.progress.refresh();
      const client = await open(auditor);
      const { end: found, treeSize } = await client.audit();
      const head = await context.store.readHead();
      expect([at, treeSize]).toEqual([at, head.size]);
      const hasEnded = (await context.store.readLogEnd()) !== undefined;
      expect([at, found?.position]).toEqual([at, hasEnded ? head.size - 1 : undefined]);
      expect(await client.logEnd()).toEqual(
        hasEnded ? expect.objectContaining({ position: head.size - 1 }) : undefined,
      );
      if (hasEnded) await expect(end()).rejects.toMatchObject({ code: 'log-ended' });
      if (!failed) break;
      left[hasEnded ? 'ended' : 'going']++;
      if (!hasEnded) continue;
      await server.close();
      await begin();
    }
    expect(left.ended).toBeGreaterThan(0);
    expect(left.going).toBeGreaterThan(3);
  }, 120_000);
});

describe('a server that lies about the end of a log', () => {
  beforeEach(async () => {
    server = await createTestServer({ loop: false });
    await register('alice@example.com');
  }, 120_000);

  /** `fetch` that serves these bytes as the end. */
  const claiming =
    (body: Uint8Array): Fetch =>
    (url, init) =>
      new URL(url).pathname === PATHS.logEnd ? Promise.resolve(new Response(body.slice())) : fetch(url, init);

  it('cannot end one that goes on, even with a signed end', async () => {
    const { clock, context } = server.log;
    const { size } = await context.store.readHead();
    const claimed = encode(signedLogEndCodec, await signed(size - 1));
    clock.advance(DAY_MS);
    const client = await open(new MemoryState(), claiming(claimed));
    await expect(client.lookup('alice@example.com')).rejects.toMatchObject({ code: 'bad-log-end' });
    await expect(client.logEnd()).rejects.toMatchObject({ code: 'bad-log-end' });
    await expect((await open()).lookup('alice@example.com')).rejects.toMatchObject({ code: 'tree-head-too-old' });
  }, 60_000);

  it('cannot show a head from before the end as the last one', async () => {
    const { clock, service } = server.log;
    const state = new MemoryState();
    await (await open(state)).lookup('alice@example.com');
    const early = await (await open()).lookup('alice@example.com');
    expect(early).toMatchObject({ found: true });
    const answers = new Map<string, Uint8Array>();
    const keep: Fetch = async (url, init) => {
      const response = await fetch(url, init);
      const body = new Uint8Array(await response.arrayBuffer());
      answers.set(new URL(url).pathname, body);
      return new Response(body.slice(), { status: response.status, headers: response.headers });
    };
    await (await open(new MemoryState(), keep)).lookup('alice@example.com');
    clock.advance(1000);
    await end();
    await service.progress.refresh();
    clock.advance(DAY_MS);
    const replay: Fetch = async (url, init) => {
      const kept = answers.get(new URL(url).pathname);
      return kept === undefined ? fetch(url, init) : new Response(kept.slice());
    };
    const stale = await open(new MemoryState(), replay);
    await expect(stale.lookup('alice@example.com')).rejects.toMatchObject({ code: 'tree-head-too-old' });
  }, 60_000);
});
