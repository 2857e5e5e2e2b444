import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openStore } from '../../src/store/open-store.ts';
import type { LogStore, Store } from '../../src/store/ports.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { emptyDatabase } from './each-store.ts';
import { sampleBatch, sampleRelease } from './samples.ts';

const LEASE_MS = 400;

const stores: Store[] = [];
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

async function open(target: Parameters<typeof openStore>[0], leaseMs: number): Promise<Store> {
  const store = await openStore(target, { limits: { leaseMs } });
  stores.push(store);
  return store;
}

async function newLog(store: Store): Promise<LogStore> {
  const { logId } = await store.createLog({ origin: 'log', configuration: new Uint8Array(1) });
  return store.log(logId);
}

const held = { code: 'head-moved', message: expect.stringContaining('writer') };

describe.each(['postgres', 'pglite'] as const)('the lease of the writer lock on %s', (kind) => {
  it('lasts while it is renewed, and runs out without', async () => {
    const log = await newLog(await open(await emptyDatabase(kind), LEASE_MS));
    const lock = await log.tryWriterLock();
    for (let i = 0; i < 8; i++) {
      await sleep(LEASE_MS / 4);
      await lock?.renew();
    }
    expect(await log.tryWriterLock()).toBeUndefined();
    const next = await vi.waitFor(async () => {
      const found = await log.tryWriterLock();
      expect(found).toBeDefined();
      return found;
    });
    await lock?.lost;
    await expect(lock?.renew()).rejects.toMatchObject(held);
    // What the earlier holder gives back is not the lock of the next one.
    await lock?.release();
    await next?.renew();
    expect(await log.tryWriterLock()).toBeUndefined();
    await next?.release();
  });
});

describe('an earlier writer on PostgreSQL', () => {
  it('appends nothing, though nobody else has', async () => {
    const log = await newLog(await open(await createTestDatabase(), LEASE_MS));
    const writer = await log.tryWriterLock();
    await log.append(sampleBatch(0, [], { writer }));
    await writer?.lost;
    await expect(log.append(sampleBatch(1, [], { writer }))).rejects.toMatchObject(held);
    const next = await log.tryWriterLock();
    await expect(log.append(sampleBatch(1, [], { writer }))).rejects.toMatchObject(held);
    await log.append(sampleBatch(1, [], { writer: next }));
    expect((await log.readHead()).size).toBe(2);
    await next?.release();
  });

  it('releases nothing, though its connection does not know that the lock is lost', async () => {
    const log = await newLog(await open(await createTestDatabase(), LEASE_MS));
    const lock = await log.tryWriterLock();
    // A process that was stopped has not heard of it.
    const writer = { session: lock?.session, isHeld: () => true };
    await log.append(sampleBatch(0, [], { writer }));
    await lock?.lost;
    await expect(log.release(sampleRelease(1, { writer }))).rejects.toMatchObject(held);
    const next = await log.tryWriterLock();
    await expect(log.release(sampleRelease(1, { writer }))).rejects.toMatchObject(held);
    expect(await log.readReleased()).toBeUndefined();
    await log.release(sampleRelease(1, { writer: next }));
    await next?.release();
  });

  it.each([true, false])('that waits before its commit loses the row of the head (one of ours: %s)', async (isOurs) => {
    const url = await createTestDatabase();
    const store = await openStore(url, { limits: { lockTimeoutMs: 300 } });
    stores.push(store);
    const log = await newLog(store);
    const stopped = postgres(url, {
      max: 1,
      onnotice: () => {},
      connection: { application_name: isOurs ? 'glasskey' : 'psql' },
    });
    try {
      await stopped.unsafe('begin');
      await stopped.unsafe('update heads set size = 1');
      const lock = await log.tryWriterLock();
      const appended = log.append(sampleBatch(0, [], { writer: lock }));
      // A session of somebody else is left alone.
      if (isOurs) await appended;
      else await expect(appended).rejects.toMatchObject({ sqlState: '55P03' });
      expect((await log.readHead()).size).toBe(isOurs ? 1 : 0);
    } finally {
      await stopped.end({ timeout: 0 });
    }
  });
});
